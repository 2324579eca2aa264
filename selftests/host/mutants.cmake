# SPDX-License-Identifier: GPL-2.0
# Would the tests see a fault? Each mutant is the module's code with one fault put in, and has to fail.

# mutate(NAME FILE FROM TO): puts module/FILE, where the one place that reads FROM reads TO, in the mutant's
# directory and sets `mutated`; or adds a test that fails.
function(mutate name file from to)
	file(READ ${top}/module/${file} text)
	string(FIND "${text}" "${from}" first)
	string(FIND "${text}" "${from}" last REVERSE)
	if(first EQUAL -1 OR NOT first EQUAL last)
		add_test(NAME mutant.${name} COMMAND ${CMAKE_SOURCE_DIR}/killed "" ${file} "${from}")
		set(mutated FALSE PARENT_SCOPE)
		return()
	endif()
	string(REPLACE "${from}" "${to}" text "${text}")
	file(WRITE ${CMAKE_BINARY_DIR}/mutants/${name}/module/${file} "${text}")
	set(mutated TRUE PARENT_SCOPE)
endfunction()

# test_mutant(NAME): its program has been added, and is to fail.
function(test_mutant name)
	target_include_directories(mutant_${name} BEFORE PRIVATE ${CMAKE_BINARY_DIR}/mutants/${name})
	target_compile_options(mutant_${name} PRIVATE ${sanitize})
	target_link_options(mutant_${name} PRIVATE ${sanitize})
	target_link_libraries(mutant_${name} GTest::gtest_main fmt::fmt)
	add_test(NAME mutant.${name} COMMAND ${CMAKE_SOURCE_DIR}/killed $<TARGET_FILE:mutant_${name}>)
	set_tests_properties(mutant.${name} PROPERTIES TIMEOUT 300)
endfunction()

# add_mutant(NAME FILE FROM TO): of module/queue/FILE.
function(add_mutant name file from to)
	file(COPY ${top}/module/queue DESTINATION ${CMAKE_BINARY_DIR}/mutants/${name}/module)
	mutate(${name} queue/${file} "${from}" "${to}")
	if(mutated)
		add_executable(mutant_${name} $<TARGET_OBJECTS:queue_test_objects> heap_inline.c
			${CMAKE_BINARY_DIR}/mutants/${name}/module/queue/heap.c)
		test_mutant(${name})
	endif()
endfunction()

# add_rate_mutant(NAME FROM TO): of module/hw/rate.h.
function(add_rate_mutant name from to)
	mutate(${name} hw/rate.h "${from}" "${to}")
	if(mutated)
		add_executable(mutant_${name} rate_test.cpp)
		test_mutant(${name})
	endif()
endfunction()

file(GLOB originals ${top}/module/queue/heap.* ${top}/module/hw/rate.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${originals})

# The shape of the tree.
add_mutant(parent_of_the_next heap.h "return (at / 4 &" "return ((at + CO_QUEUE_ELEMENT) / 4 &")
add_mutant(parent_one_off heap.h "+ 2 * CO_QUEUE_ELEMENT" "+ CO_QUEUE_ELEMENT")
add_mutant(children_one_group_on heap.h "- 8 * CO_QUEUE_ELEMENT" "- 4 * CO_QUEUE_ELEMENT")
add_mutant(fourth_child_forgotten heap.c "k = g[3].key" "k = CO_KEY_NONE")
add_mutant(least_child_mistaken heap.c "			least = k;
			min = g + 2;" "			min = g + 2;")
add_mutant(rises_past_the_root heap.h "while (at > CO_HEAP_ROOT)" "while (at >= CO_HEAP_ROOT)")
add_mutant(stops_below_the_root heap.h "while (at > CO_HEAP_ROOT)" "while (at > CO_HEAP_ROOT + CO_QUEUE_ELEMENT)")
add_mutant(inner_one_off heap.h "return co_heap_children(at) < h->end" "return co_heap_children(at) + CO_QUEUE_ELEMENT < h->end")
add_mutant(last_stays_though_before heap.h "return key > co_heap_slot" "return key + 2 > co_heap_slot")
add_mutant(hole_in_the_middle_only_sinks heap.c "if (at > CO_HEAP_ROOT && " "if (false && ")
add_mutant(sinks_to_the_leaf heap.c "			break;\n		hole->key" "			;\n		hole->key")
add_mutant(slot_not_told heap.h "	co_heap_ref(h, who)->at = at;\n" "")
add_mutant(slot_not_told_on_the_way_down heap.c "		((struct co_ref *)(refs + (u32)min->who))->at = at;\n" "")
add_mutant(left_out_at_the_end heap.c "	co_heap_put(h, at, key, who);\n" "")
add_mutant(ref_not_given_back heap.h "	h->free = ref;\n" "")
add_mutant(free_refs_forgotten heap.h "	r->at = h->free - CO_QUEUE_ELEMENT - ref - 1;\n" "	r->at = -1;\n")
add_mutant(left_slot_not_emptied heap.h "	s->key = CO_KEY_NONE;\n" "")
add_mutant(one_slot_too_many heap.c "h->end >= h->cap || h->spilled" "h->end > h->cap || h->spilled")
add_mutant(second_forgets_one heap.h "min(g[2].key, g[3].key)" "g[2].key")

# The order of equal keys.
add_mutant(equal_keys_not_ordered heap.h "co_who_before(who, s->who)" "false")
add_mutant(siblings_not_ordered heap.c "co_who_before(g[2].who, min->who)" "true")
add_mutant(sinks_past_equals heap.c "least != key || co_who_before(who, min->who)" "least != key")
add_mutant(stops_before_equals heap.c "least != key || co_who_before(who, min->who)" "true")
add_mutant(order_does_not_wrap heap.h "return (s64)(a - b) < 0" "return a < b")
add_mutant(rekey_keeps_the_order heap.c "co_heap_ref(h, who)->at, key, who)" "co_heap_ref(h, who)->at, key, co_heap_slot(h, co_heap_ref(h, who)->at)->who)")
add_mutant(equal_last_stays heap.h "return key > co_heap_slot" "return key >= co_heap_slot")

# The spill tree.
add_mutant(tree_not_ordered_by_arming heap.c "co_seq_before((u32)x->c_order, (u32)y->c_order)" "false")
add_mutant(tree_before_array heap.c "spill.key < top.key" "spill.key <= top.key")
add_mutant(array_before_tree heap.c "if (top.key == spill.key &&" "if (false &&")
add_mutant(first_of_tree_not_kept heap.c "	WRITE_ONCE(h->spilled, h->spilled - 1);\n	spill_note_first(h);\n" "	WRITE_ONCE(h->spilled, h->spilled - 1);\n")
add_mutant(array_overtakes_tree heap.c "h->low = 0;" "")
add_mutant(settles_without_room heap.c "if (!c || h->end >= h->cap)" "if (!c)")
add_mutant(spilled_says_nothing heap.c "	smp_store_release(&c->c_gate, c->c_gate | CO_GATE_SPILL);\n" "")

# Memory.
add_mutant(never_asks heap.c "	return ask;" "	return ask && false;")
add_mutant(always_asks heap.c "bool ask = !h->asked;" "bool ask = true;")
add_mutant(grows_by_too_much heap.c "return cap ? cap * 2" "return cap ? cap * 4")
add_mutant(grows_by_too_much_where_large heap.c "cap + cap / (4 * PAGE_SLOTS) * PAGE_SLOTS" "cap * 2")
add_mutant(rests_too_early heap.c "if ((h->spilled && h->end < h->cap) || heap_wanted(q))" "if (false)")
add_mutant(keeps_old_memory heap.c "	h->slots = slots;\n" "	if (!h->slots)\n		h->slots = slots;\n")
add_mutant(keeps_old_refs heap.c "	h->refs = refs;\n" "	if (!h->refs)\n		h->refs = refs;\n")

# Rates of clocks.
add_rate_mutant(ticks_rounded_down "(t + (((u64)1 << r.shift) - 1)) >> r.shift" "t >> r.shift")
add_rate_mutant(ticks_one_too_many "(((u64)1 << r.shift) - 1)" "((u64)1 << r.shift)")
add_rate_mutant(ticks_do_not_saturate "return t > U64_MAX ? U64_MAX : (u64)t;" "return (u64)t;")
add_rate_mutant(ns_do_not_saturate "	if (high >= r.mult)\n		return U64_MAX;\n" "")
add_rate_mutant(ns_saturate_too_late "high >= r.mult" "high > r.mult")
add_rate_mutant(ns_forget_the_remainder "(mid % r.mult) << 32 | (u32)t" "(u32)t")
