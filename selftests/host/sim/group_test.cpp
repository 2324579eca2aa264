// SPDX-License-Identifier: GPL-2.0
// group.c by itself.
