// SPDX-License-Identifier: GPL-2.0
/*
 * An example: code as it would stand in a FreeBSD driver, compiled with linux/callout_freebsd.h.
 *
 * A watchdog under the driver's mutex, a statistics timer without a lock that takes the mutex
 * itself (its handlers run in a thread, as there), and detach by callout_drain().
 */
#include <linux/callout_freebsd.h>
#include <linux/module.h>

struct softc {
	struct mtx sc_mtx;
	struct rwlock sc_lock;
	struct callout sc_watchdog;
	struct callout sc_stats;
	struct callout sc_table;
	struct callout sc_old;
	int sc_timer;
	int sc_resets, sc_samples, sc_expired, sc_giant;
	sbintime_t sc_last;
};

static struct softc softc;

static void foo_watchdog(void *arg)
{
	struct softc *sc = arg;

	mtx_assert(&sc->sc_mtx, MA_OWNED);
	if (sc->sc_timer == 0 || --sc->sc_timer > 0) {
		callout_schedule(&sc->sc_watchdog, hz / 50);
		return;
	}
	sc->sc_resets++;
	sc->sc_timer = 3;
	callout_reset(&sc->sc_watchdog, hz / 50, foo_watchdog, sc);
}

static void foo_stats(void *arg)
{
	struct softc *sc = arg;

	mtx_lock(&sc->sc_mtx);
	sc->sc_samples++;
	sc->sc_last = sbinuptime();
	mtx_unlock(&sc->sc_mtx);
	callout_reset_sbt(&sc->sc_stats, 10 * SBT_1MS, SBT_1MS, foo_stats, sc, C_PREL(3));
}

static void foo_table(void *arg)
{
	struct softc *sc = arg;

	rw_assert(&sc->sc_lock, RA_WLOCKED);
	if (callout_pending(&sc->sc_table) || !callout_active(&sc->sc_table))
		return;
	callout_deactivate(&sc->sc_table);
	sc->sc_expired++;
	callout_reset(&sc->sc_table, hz / 25, foo_table, sc);
}

static void foo_old(void *arg)
{
	struct softc *sc = arg;

	mtx_assert(&Giant, MA_OWNED);
	sc->sc_giant++;
}

static int foo_attach(struct softc *sc)
{
	mtx_init(&sc->sc_mtx, "foo", NULL, MTX_DEF);
	rw_init(&sc->sc_lock, "foo table");
	callout_init_mtx(&sc->sc_watchdog, &sc->sc_mtx, 0);
	callout_init_rw(&sc->sc_table, &sc->sc_lock, 0);
	callout_init(&sc->sc_stats, 1);
	callout_init(&sc->sc_old, 0);

	mtx_lock(&sc->sc_mtx);
	sc->sc_timer = 3;
	callout_reset(&sc->sc_watchdog, hz / 50, foo_watchdog, sc);
	mtx_unlock(&sc->sc_mtx);
	rw_wlock(&sc->sc_lock);
	callout_reset(&sc->sc_table, hz / 25, foo_table, sc);
	rw_wunlock(&sc->sc_lock);
	callout_reset(&sc->sc_old, 1, foo_old, sc);
	foo_stats(sc);
	return 0;
}

static void foo_detach(struct softc *sc)
{
	mtx_lock(&sc->sc_mtx);
	callout_stop(&sc->sc_watchdog);
	mtx_unlock(&sc->sc_mtx);
	callout_drain(&sc->sc_watchdog);
	callout_drain(&sc->sc_stats);
	callout_drain(&sc->sc_table);
	callout_drain(&sc->sc_old);
	rw_destroy(&sc->sc_lock);
	mtx_destroy(&sc->sc_mtx);
}

static int __init callout_ported_init(void)
{
	return foo_attach(&softc);
}

static void __exit callout_ported_exit(void)
{
	foo_detach(&softc);
	pr_info("callout_ported: resets %d, samples %d, expired %d, under Giant %d\n",
		softc.sc_resets, softc.sc_samples, softc.sc_expired, softc.sc_giant);
}

module_init(callout_ported_init);
module_exit(callout_ported_exit);
MODULE_DESCRIPTION("callout example: a FreeBSD driver's callouts");
MODULE_LICENSE("GPL");
