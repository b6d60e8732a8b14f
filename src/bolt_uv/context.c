#include "bolt_uv/connect.h"
#include "bolt_uv/tls.h"

#include "bolt/error.h"

#include <stdlib.h>

int bolt__context_create(const struct bolt_config *config, struct bolt__context **ret_context, struct bolt_error *ret_error)
{
	struct bolt__context *context = calloc(1, sizeof(*context));
	int error;

	if (!context)
		return bolt__error_set(ret_error, BOLT_ERR_NOMEM, "out of memory for the settings");
	context->reference_count = 1;
	error = bolt__settings_create(config, &context->settings, ret_error);
	if (!error)
		error = bolt__tls_context_create(context->settings, &context->tls, ret_error);
	if (error) {
		bolt__context_unref(context);
		return error;
	}
	*ret_context = context;
	return 0;
}

struct bolt__context *bolt__context_ref(struct bolt__context *context)
{
	context->reference_count++;
	return context;
}

void bolt__context_unref(struct bolt__context *context)
{
	if (--context->reference_count)
		return;
	bolt__tls_context_free(context->tls);
	bolt__settings_free(context->settings);
	free(context);
}
