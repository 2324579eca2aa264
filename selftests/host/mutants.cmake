# SPDX-License-Identifier: GPL-2.0
# Would the tests see a fault? Each mutant is the module's code with one fault put in, and has to fail.

# add_mutant(NAME FILE FROM TO): the one place in module/queue/FILE that reads FROM reads TO.
function(add_mutant name file from to)
	set(dir ${CMAKE_BINARY_DIR}/mutants/${name})
	file(COPY ${top}/module/queue DESTINATION ${dir}/module)
	file(READ ${top}/module/queue/${file} text)
	string(FIND "${text}" "${from}" first)
	string(FIND "${text}" "${from}" last REVERSE)
	if(first EQUAL -1 OR NOT first EQUAL last)
		add_test(NAME mutant.${name} COMMAND ${CMAKE_SOURCE_DIR}/killed "" ${file} "${from}")
		return()
	endif()
	string(REPLACE "${from}" "${to}" text "${text}")
	file(WRITE ${dir}/module/queue/${file} "${text}")

	add_executable(mutant_${name} $<TARGET_OBJECTS:queue_test_objects> heap_inline.c
		${dir}/module/queue/heap.c)
	target_include_directories(mutant_${name} BEFORE PRIVATE ${dir})
	target_compile_options(mutant_${name} PRIVATE ${sanitize})
	target_link_options(mutant_${name} PRIVATE ${sanitize})
	target_link_libraries(mutant_${name} GTest::gtest_main fmt::fmt)
	add_test(NAME mutant.${name} COMMAND ${CMAKE_SOURCE_DIR}/killed $<TARGET_FILE:mutant_${name}>)
	set_tests_properties(mutant.${name} PROPERTIES TIMEOUT 300)
endfunction()

file(GLOB mutated ${top}/module/queue/heap.*)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${mutated})

# The shape of the tree.
add_mutant(parent_of_the_next heap.h "u32 up = i / 4 + 2" "u32 up = (i + 1) / 4 + 2")
add_mutant(parent_one_off heap.h "u32 up = i / 4 + 2" "u32 up = i / 4 + 1")
add_mutant(children_one_group_on heap.c "(g = slot + 4 * (i - 2))" "(g = slot + 4 * (i - 1))")
add_mutant(fourth_child_forgotten heap.c "k = g[3].key" "k = CO_KEY_NONE")
add_mutant(least_child_mistaken heap.c "			least = k;
			min = g + 2;" "			min = g + 2;")
add_mutant(rises_past_the_root heap.h "while (i > CO_HEAP_ROOT)" "while (i > CO_HEAP_ROOT - 1)")
add_mutant(stops_below_the_root heap.h "while (i > CO_HEAP_ROOT)" "while (i > CO_HEAP_ROOT + 1)")
add_mutant(inner_one_off heap.h "return 4 * (i - 2) < h->end" "return 4 * (i - 2) + 1 < h->end")
add_mutant(last_stays_though_before heap.h "return key > h->slot[i / 4 + 2].key" "return key + 2 > h->slot[i / 4 + 2].key")
add_mutant(hole_in_the_middle_only_sinks heap.c "	co_heap_rise(h, i, key, c);\n}\n\n/* Fill" "	co_heap_put(h, i, key, c);\n}\n\n/* Fill")
add_mutant(slot_not_told heap.h "	c->q_slot = i;\n" "")
add_mutant(left_slot_not_emptied heap.h "	h->slot[end].key = CO_KEY_NONE;\n" "")
add_mutant(one_slot_too_many heap.c "h->end >= h->cap || h->spilled" "h->end > h->cap || h->spilled")
add_mutant(second_forgets_one heap.h "min(g[2].key, g[3].key)" "g[2].key")

# The order of equal keys.
add_mutant(equal_keys_not_ordered heap.h "co_seq_before(c->q_seq, s->c->q_seq)" "false")
add_mutant(order_read_in_place heap.h "co_seq_before(c->q_seq, s->c->q_seq)" "co_seq_before((u32)c->c_order, (u32)s->c->c_order)")
add_mutant(order_of_siblings_read_in_place heap.c "co_seq_before(a->c->q_seq, b->c->q_seq)" "co_seq_before((u32)a->c->c_order, (u32)b->c->c_order)")
add_mutant(siblings_not_ordered heap.c "co_seq_before(a->c->q_seq, b->c->q_seq)" "true")
add_mutant(order_does_not_wrap heap.h "return (s32)(a - b) < 0" "return a < b")
add_mutant(rekey_keeps_the_order heap.c "	c->q_seq = (u32)c->c_order;\n" "")
add_mutant(rekey_equal_rises heap.c "if (key < h->slot[i].key)" "if (key <= h->slot[i].key)")
add_mutant(equal_last_stays heap.h "return key > h->slot[i / 4 + 2].key" "return key >= h->slot[i / 4 + 2].key")

# The spill tree.
add_mutant(tree_not_ordered_by_arming heap.c "co_seq_before((u32)x->c_order, (u32)y->c_order)" "false")
add_mutant(tree_before_array heap.c "spill->key < top->key" "spill->key <= top->key")
add_mutant(array_before_tree heap.c "if (top->key == spill->key &&" "if (false &&")
add_mutant(first_of_tree_not_kept heap.c "	WRITE_ONCE(h->spilled, h->spilled - 1);\n	spill_note_first(h);\n" "	WRITE_ONCE(h->spilled, h->spilled - 1);\n")
add_mutant(array_overtakes_tree heap.c "h->low = 0;" "")
add_mutant(settles_without_room heap.c "if (!c || h->end >= h->cap)" "if (!c)")
add_mutant(spilled_says_nothing heap.c "	c->c_gate |= CO_GATE_SPILL;\n" "")

# Memory.
add_mutant(never_asks heap.c "	return ask;" "	return ask && false;")
add_mutant(always_asks heap.c "bool ask = !h->asked;" "bool ask = true;")
add_mutant(grows_by_too_much heap.c "return cap ? cap * 2" "return cap ? cap * 4")
add_mutant(rests_too_early heap.c "if ((h->spilled && h->end < h->cap) || heap_wanted(q))" "if (false)")
add_mutant(keeps_old_memory heap.c "	h->slot = mem;\n" "	if (!h->slot)\n		h->slot = mem;\n")
