# SPDX-License-Identifier: GPL-2.0
# Would the simulation see a fault? As ../mutants.cmake, of migrate.c and group.c.

# add_sim_mutant(NAME FILE FROM TO): of module/FILE.
function(add_sim_mutant name file from to)
	mutate(sim_${name} ${file} "${from}" "${to}")
	if(NOT mutated)
		return()
	endif()
	get_filename_component(changed ${file} NAME_WE)
	set(mutant ${CMAKE_BINARY_DIR}/mutants/sim_${name}/module/${file})
	add_executable(mutant_sim_${name} ${mutant} $<TARGET_OBJECTS:sim_objects> $<TARGET_OBJECTS:sim_test_objects>
		$<FILTER:$<TARGET_OBJECTS:sim_core>,EXCLUDE,/${changed}\\.c\\.o$>)
	# The headers beside the original.
	target_include_directories(mutant_sim_${name} PRIVATE ${top}/module)
	test_mutant(sim_${name})
endfunction()

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${top}/module/migrate.c ${top}/module/group.c)

# Who looks after whom.
add_sim_mutant(watcher_is_the_last group.c "return g->awake && __ffs(g->awake) == slot;" "return g->awake && fls64(g->awake) - 1 == slot;")
add_sim_mutant(told_of_own_note_alone group.c "		if (watched)
			*left = co_due_min(*left, notes(g));
		if (g->awake" "		if (g->awake")
add_sim_mutant(groups_above_forgotten group.c "	while (watched && g->up) {" "	while (false && g->up) {")
add_sim_mutant(note_stays_when_awake group.c "		leave_note(g, slot, CO_DUE_NEVER);\n" "")
add_sim_mutant(awake_is_not_told_upwards group.c "if (was || !g->up)" "if (true)")
add_sim_mutant(one_above_is_not_told group.c "		due = notes(g);
		slot = g->slot;
		g = g->up;
	}
	if (g->awake)" "		slot = g->slot;
		g = g->up;
	}
	if (g->awake)")
add_sim_mutant(put_off_looks_before_the_lock group.c "	lock_group(g, depth++);
	due = look(cpu);" "	due = look(cpu);
	lock_group(g, depth++);")
add_sim_mutant(put_off_stays_below group.c "		if (g->awake || !g->up)
			break;
		due = notes(g);
		slot = g->slot;
		g = g->up;
		lock_group(g, depth++);
	}" "		break;
	}")

# Sleep and watch.
add_sim_mutant(sleeps_without_note migrate.c "	told = co_group_asleep(b->cpu, due, &left);
	/*" "	told = co_group_asleep(b->cpu, CO_DUE_NEVER, &left);
	/*")
add_sim_mutant(sleep_versus_arm migrate.c "	b->next = CO_CLOCK_NEVER;
	co_unlock(b);
	told = co_group_asleep(b->cpu, due" "	co_unlock(b);
	told = co_group_asleep(b->cpu, due")
add_sim_mutant(last_keeps_no_watch migrate.c "b->watch = told ? CO_DUE_NEVER : left;" "b->watch = CO_DUE_NEVER;")
add_sim_mutant(all_keep_watch migrate.c "b->watch = told ? CO_DUE_NEVER : left;" "b->watch = left;")
add_sim_mutant(watcher_is_not_told migrate.c "	if (told)
		tell_watcher(told, left);
}" "}")
add_sim_mutant(watcher_is_not_interrupted migrate.c "		b->kicked = kick = true;" "		kick = false;")
add_sim_mutant(watch_versus_note migrate.c "	b->watch = co_due_min(b->watch, due);
}

/*
 * The last" "	b->watch = due;
}

/*
 * The last")
add_sim_mutant(awake_watches_nothing migrate.c "	co_group_awake(b->cpu);
	take_watch(b);" "	co_group_awake(b->cpu);
	co_lock(b);")
add_sim_mutant(bound_are_left_to_others migrate.c "next = min(first_due(b, CO_BOUND).latest, b->watch.latest);" "next = b->watch.latest;")

# Pulls and moves.
add_sim_mutant(pulled_and_not_put_off migrate.c "	co_group_put_off(cpu, note_of);
" "")
add_sim_mutant(pulls_what_is_bound migrate.c "struct co_queue *q = &from->queue[ctx];
		struct co_entry e = co_q_first(q);
		u64 order, key;" "struct co_queue *q = &from->queue[ctx + CO_BOUND];
		struct co_entry e = co_q_first(q);
		u64 order, key;")
add_sim_mutant(cpu_is_not_changed migrate.c "	WRITE_ONCE(c->c_cpu, to->cpu);
	from->stats" "	from->stats")
add_sim_mutant(isolated_take_any migrate.c "return READ_ONCE(base(cpu)->takes_any);" "return READ_ONCE(base(cpu)->online);")
add_sim_mutant(moved_is_not_told migrate.c "program = key < to->next && co_armed_first(to, co_ctx(c), key);
	co_unlock_two(from, to);" "program = false;
	co_unlock_two(from, to);")

# CPUs that come and go.
add_sim_mutant(leaves_without_a_word migrate.c "	if (told)
		tell_watcher(told, left);
	local_irq_enable();" "	local_irq_enable();")
add_sim_mutant(last_leaves_without_a_word migrate.c "if (!told && left.latest != U64_MAX)" "if (false)")
add_sim_mutant(bound_stay_away migrate.c "if (c && (c->c_home & ~CO_HOME_MOVED) == b->home)" "if (false)")
add_sim_mutant(online_versus_displaced migrate.c "	co_lock(from);
	count = co_q_ops->count(q);
	co_unlock(from);" "	count = co_q_ops->count(q);")
add_sim_mutant(gone_is_armed_on migrate.c "if (likely(READ_ONCE(b->online)))
			return b;" "return b;")
