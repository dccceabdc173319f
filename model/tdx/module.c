// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module object as the P-SEAMLDR leaves it: nothing initialised, all KOT
 * entries free. Everything it will ever know comes from the arena, as touched.
 */
#include "model/tdx/leaf.h"

const struct tdx_config tdx_config_default = {
	.version = TDX_MODULE_1_5,
	.zero_step = true,
};

struct tdx_module *tdx_module_create(struct env *env, struct hw *hw,
				     const struct tdx_config *config)
{
	struct tdx_module *m = arena_alloc(env->arena, sizeof(*m));

	m->env = env;
	env->layer[LAYER_TDX] = m;
	m->hw = hw;
	m->config = config ? *config : tdx_config_default;
	if (m->config.version < TDX_MODULE_2_0)
		m->config.dynamic_pamt = false;
	m->kot = arena_alloc(env->arena, hw->keyid_count * sizeof(*m->kot));
	m->package = arena_alloc(env->arena, hw->package_count * sizeof(*m->package));
	m->last_vcpu = arena_alloc(env->arena, hw->cpu_count * sizeof(*m->last_vcpu));
	sparse_init(&m->pamt_4k, sizeof(struct pamt_entry), hw->frame_count);
	sparse_init(&m->pamt_2m, sizeof(struct pamt_entry), hw->frame_count >> 9);
	sparse_init(&m->pamt_1g, sizeof(struct pamt_entry), BIT_ULL(HW_PHYS_BITS) / SZ_1G);
	pool_init(&m->td_pool, "td", sizeof(struct td));
	pool_init(&m->vcpu_pool, "tdvps", sizeof(struct vcpu));
	pool_init(&m->table_pool, "sept table", sizeof(struct sept_table));
	pool_init(&m->field_pool, "tdvps field", sizeof(struct vcpu_field));
	pool_init(&m->pair_pool, "pamt pair", 2 * sizeof(hpa_t));
	return m;
}

void tdx_set_phys_read(struct tdx_module *module, tdx_phys_read_fn *fn, void *ctx)
{
	module->phys_read = fn;
	module->phys_read_ctx = ctx;
}
