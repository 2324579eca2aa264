/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in for the kernel's header of this name; the kernel's also refuse to compare unlike types. */
#ifndef HOST_LINUX_MINMAX_H
#define HOST_LINUX_MINMAX_H

#define min(x, y)				\
	({					\
		__typeof__(x) __x = (x);	\
		__typeof__(y) __y = (y);	\
		__x < __y ? __x : __y;		\
	})

#define max(x, y)				\
	({					\
		__typeof__(x) __x = (x);	\
		__typeof__(y) __y = (y);	\
		__x > __y ? __x : __y;		\
	})

#endif
