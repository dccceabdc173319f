/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Doubly linked rings with the kernel's names. An all-zero list_head is not a
 * valid list: INIT_LIST_HEAD() it first.
 */
#ifndef SEPTUM_BASE_LIST_H
#define SEPTUM_BASE_LIST_H

#include "sim/base/types.h"

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->prev = head;
	head->next = head;
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

/* Between @before and what follows it. */
static inline void list_add(struct list_head *node, struct list_head *before)
{
	struct list_head *after = before->next;

	node->prev = before;
	node->next = after;
	before->next = node;
	after->prev = node;
}

static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
	list_add(node, head->prev);
}

/* The node is left empty, so deleting it twice does no harm. */
static inline void list_del(struct list_head *node)
{
	struct list_head *before = node->prev, *after = node->next;

	before->next = after;
	after->prev = before;
	INIT_LIST_HEAD(node);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)

#define list_for_each_entry(pos, head, member)					\
	for (pos = list_entry((head)->next, __typeof__(*pos), member);		\
	     &pos->member != (head);						\
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))

/* @pos may be deleted in the body. */
#define list_for_each_entry_safe(pos, tmp, head, member)			\
	for (pos = list_entry((head)->next, __typeof__(*pos), member),		\
	     tmp = list_entry(pos->member.next, __typeof__(*pos), member);	\
	     &pos->member != (head);						\
	     pos = tmp, tmp = list_entry(tmp->member.next, __typeof__(*tmp), member))

#endif /* SEPTUM_BASE_LIST_H */
