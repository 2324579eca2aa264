/* SPDX-License-Identifier: GPL-2.0 */
/* Stand-in for the kernel's header of this name: there is no lockdep. */
#ifndef HOST_LINUX_LOCKDEP_H
#define HOST_LINUX_LOCKDEP_H

#endif
