// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for mm/slub.c, mm/slab_common.c, vmalloc and the kv*alloc family.
 *
 * Objects come in powers of two from pages of the direct map, since callers
 * take their physical addresses. Freed memory is filled with 0x6b, so that a
 * use after free shows. No sheaves, memory cgroups or redzones; what is larger
 * than half a page is whole pages.
 */
#include <linux/kasan.h>
#include <linux/log2.h>

#include "standin.h"

#define CLASS_MIN	4		/* 16 bytes */
#define CLASS_MAX	11		/* 2 KiB */
#define POISON_FREE	0x6b

struct kmem_cache {
	unsigned int size;
	void (*ctor)(void *object);
};

struct object {
	struct object *next;
};

static struct object *free_objects[CLASS_MAX + 1];

kmem_buckets kmalloc_caches[NR_KMALLOC_TYPES];

/* A slab's first page keeps what kfree() must know: class, or order of whole pages. */
static void slab_mark(struct page *page, unsigned long class, unsigned int order)
{
	page->private = class << 8 | order;
}

static bool slab_grow(unsigned int class)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	unsigned int offset;

	if (!page)
		return false;
	slab_mark(page, class, 0);
	page_is_slab(page);
	for (offset = 0; offset < PAGE_SIZE; offset += 1U << class) {
		struct object *object = page_address(page) + PAGE_SIZE - (1U << class) - offset;

		object->next = free_objects[class];
		free_objects[class] = object;
	}
	return true;
}

static void *slab_alloc(size_t size, gfp_t gfp)
{
	unsigned int class = size <= 1U << CLASS_MIN ? CLASS_MIN : order_base_2(size);
	struct object *object;

	if (!size)
		return ZERO_SIZE_PTR;
	if (class > CLASS_MAX) {
		unsigned int i, order = get_order(size);
		struct page *page = alloc_pages(gfp & ~__GFP_COMP, order);

		if (!page)
			return NULL;
		slab_mark(page, 0, order);
		for (i = 0; i < 1U << order; i++)
			page_is_slab(page + i);
		return page_address(page);
	}
	if (!(gfp & __GFP_NOFAIL) && proc_alloc_fails("slab"))
		return NULL;
	if (!free_objects[class] && !slab_grow(class))
		return NULL;
	object = free_objects[class];
	free_objects[class] = object->next;
	if (gfp & __GFP_ZERO)
		memset(object, 0, size);
	return object;
}

static void slab_free(const void *address)
{
	struct object *object = (struct object *)address;
	struct page *page;
	unsigned int class, order;

	if (ZERO_OR_NULL_PTR(address))
		return;
	page = virt_to_page(address);
	class = page->private >> 8;
	order = page->private & 0xff;
	if (!class) {
		__free_pages(page, order);
		return;
	}
	memset(object, POISON_FREE, 1U << class);
	object->next = free_objects[class];
	free_objects[class] = object;
}

void *__kmalloc_noprof(size_t size, gfp_t gfp)
{
	return slab_alloc(size, gfp);
}

void *__kmalloc_large_noprof(size_t size, gfp_t gfp)
{
	return slab_alloc(size, gfp);
}

void *__kmalloc_node_noprof(size_t size, gfp_t gfp, int node)
{
	return slab_alloc(size, gfp);
}

void *__kmalloc_cache_noprof(struct kmem_cache *cache, gfp_t gfp, size_t size)
{
	return slab_alloc(size, gfp);
}

void *__kmalloc_node_track_caller_noprof(size_t size, gfp_t gfp, int node, unsigned long caller)
{
	return slab_alloc(size, gfp);
}

void *__kvmalloc_node_noprof(size_t size, unsigned long align, gfp_t gfp, int node)
{
	return slab_alloc(size, gfp);
}

void *__vcalloc_noprof(size_t n, size_t size, gfp_t gfp)
{
	return slab_alloc(array_size(n, size), gfp | __GFP_ZERO);
}

void *vzalloc_noprof(unsigned long size)
{
	return slab_alloc(size, GFP_KERNEL | __GFP_ZERO);
}

void kfree(const void *object)
{
	slab_free(object);
}

void kvfree(const void *address)
{
	slab_free(address);
}

void vfree(const void *address)
{
	slab_free(address);
}

void kvfree_call_rcu(struct kvfree_rcu_head *head, void *object)
{
	slab_free(object);
}

struct kmem_cache *__kmem_cache_create_args(const char *name, unsigned int size,
					    struct kmem_cache_args *args, slab_flags_t flags)
{
	struct kmem_cache *cache = slab_alloc(sizeof(*cache), GFP_KERNEL);

	if (!cache)
		return NULL;
	cache->size = args ? max(size, args->align) : size;
	cache->ctor = args ? args->ctor : NULL;
	return cache;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	slab_free(cache);
}

void *kmem_cache_alloc_noprof(struct kmem_cache *cache, gfp_t gfp)
{
	void *object = slab_alloc(cache->size, gfp);

	if (object && cache->ctor)
		cache->ctor(object);
	return object;
}

void *kmem_cache_alloc_lru_noprof(struct kmem_cache *cache, struct list_lru *lru, gfp_t gfp)
{
	return kmem_cache_alloc_noprof(cache, gfp);
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	slab_free(object);
}

void kmem_cache_free_bulk(struct kmem_cache *cache, size_t n, void **objects)
{
	while (n)
		slab_free(objects[--n]);
}
