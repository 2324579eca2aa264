# SPDX-License-Identifier: GPL-2.0
# Draws what affinity_sim prints:
#   affinity_sim wakeups >wakeups.dat; affinity_sim cost >cost.dat; gnuplot -e "to='doc'" affinity.gnuplot

set terminal pngcairo size 900,540 font "sans,12" linewidth 1.5
set grid lc rgb "#dddddd"
set border 3
set tics nomirror
set key top left Left reverse spacing 1.3

set output to."/affinity-wakeups.png"
set title "Timer interrupts of idle CPUs: 64 CPUs, 4 timers each"
set xlabel "share of the time that each CPU is idle (%)"
set ylabel "timer interrupts of idle CPUs (1/s)"
set xrange [0:100]
set yrange [0:*]
plot "wakeups.dat" using 1:2 with linespoints pt 7 lc rgb "#b2182b" title "strong; each CPU keeps its own (pinned hrtimers)", \
	"" using 1:3 with linespoints pt 4 ps 2 lc rgb "#4393c3" title "weak", \
	"" using 1:4 with linespoints pt 9 lc rgb "#1b7837" title "none"

set output to."/affinity-cost.png"
set title "Locks taken when a CPU falls idle or wakes"
set xlabel "CPUs"
set ylabel "locks per idle transition"
set logscale x 2
set logscale y 2
set xrange [2:1024]
set yrange [1:1500]
plot "cost.dat" using 1:4 with linespoints pt 7 lc rgb "#b2182b" title "scan of all CPUs", \
	"" using 1:3 with linespoints pt 5 lc rgb "#4393c3" title "groups of eight: the most", \
	"" using 1:2 with linespoints pt 9 lc rgb "#1b7837" title "groups of eight: mean"
