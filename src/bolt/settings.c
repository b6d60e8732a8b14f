#include "bolt/settings.h"

#include "bolt/error.h"
#include "bolt/message.h"

#include <stdlib.h>

#define SETTINGS_SIZE_MAX ((size_t)4 * 1024 * 1024)
#define DEFAULT_USER_AGENT "pgweave-bolt/" PGWEAVE_VERSION

void bolt_config_init(struct bolt_config *config)
{
	*config = (struct bolt_config){
	        .connect_timeout_ms = 30000,
	        .tcp_keepalive_s = 30,
	        .message_size_max = (size_t)64 << 20,
	        .message_memory_max = (size_t)256 << 20,
	        .depth_max = 64,
	        .output_size_max = (size_t)256 << 20,
	        .output_size_high = (size_t)1 << 20,
	        .request_count_max = 100000,
	        .version_min = {4, 4},
	        .version_max = {5, BOLT__VERSION_NEWEST},
	};
}

/* Every string of the configuration, so that one loop copies them all. */
static bool strings_copy(struct bolt__settings *settings)
{
	struct bolt_config *config = &settings->config;
	const char **strings[] = {
	        &config->uri,
	        &config->auth.scheme,
	        &config->auth.principal,
	        &config->auth.credentials,
	        &config->auth.realm,
	        &config->user_agent,
	        &config->ca_file,
	        &config->client_certificate_file,
	        &config->client_key_file,
	        &config->client_key_password,
	        &config->database,
	};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		if (!*strings[i])
			continue;
		*strings[i] = arena_strdup(&settings->arena, *strings[i]);
		if (!*strings[i])
			return false;
	}
	if (!config->user_agent)
		config->user_agent = DEFAULT_USER_AGENT;
	return true;
}

static bool parameters_copy(struct bolt__settings *settings)
{
	const struct bolt_writer *parameters = settings->config.auth.parameters;

	if (!parameters)
		return true;
	bolt_writer_init(&settings->auth_parameters, parameters->size);
	bolt_writer_append(&settings->auth_parameters, parameters->data, parameters->size);
	settings->config.auth.parameters = &settings->auth_parameters;
	return !settings->auth_parameters.failed;
}

static int settings_check(const struct bolt_config *config, struct bolt_error *ret_error)
{
	if (!config->uri)
		return bolt__error_set(ret_error, BOLT_ERR_ARGUMENT, "no URI");
	if (!bolt__version_is_known(config->version_min) || !bolt__version_is_known(config->version_max) ||
	    bolt__version_compare(config->version_min, config->version_max) > 0)
		return bolt__error_set(ret_error, BOLT_ERR_ARGUMENT, "the bounds of the version must lie within 4.4 and 5.%d",
		                       BOLT__VERSION_NEWEST);
	if (config->auth.kind == BOLT_AUTH_CUSTOM && !config->auth.scheme)
		return bolt__error_set(ret_error, BOLT_ERR_ARGUMENT, "custom authentication needs a scheme");
	if (config->auth.parameters && config->auth.parameters->failed)
		return bolt__error_set(ret_error, BOLT_ERR_ARGUMENT, "the parameters of the authentication are not whole");
	if (!config->message_size_max || !config->message_memory_max || !config->depth_max || !config->output_size_max ||
	    !config->request_count_max)
		return bolt__error_set(ret_error, BOLT_ERR_ARGUMENT, "a maximum is 0; begin with bolt_config_init");
	return 0;
}

int bolt__settings_create(const struct bolt_config *config, struct bolt__settings **ret_settings, struct bolt_error *ret_error)
{
	struct bolt__settings *settings;
	int error = settings_check(config, ret_error);

	if (error)
		return error;
	settings = calloc(1, sizeof(*settings));
	if (!settings)
		return bolt__error_set(ret_error, BOLT_ERR_NOMEM, "out of memory for the settings");
	arena_init(&settings->arena, SETTINGS_SIZE_MAX);
	settings->config = *config;
	if (!strings_copy(settings) || !parameters_copy(settings))
		error = bolt__error_set(ret_error, BOLT_ERR_NOMEM, "out of memory for the settings");
	else
		error = bolt__uri_parse(settings->config.uri, &settings->arena, &settings->uri, ret_error);
	if (error) {
		bolt__settings_free(settings);
		return error;
	}
	*ret_settings = settings;
	return 0;
}

static void secret_clear(const char *secret)
{
	if (secret)
		explicit_bzero((char *)(uintptr_t)secret, strlen(secret));
}

void bolt__settings_free(struct bolt__settings *settings)
{
	if (!settings)
		return;
	/* Before strings_copy was through, these may still be the caller's own. */
	if (settings->uri.endpoint.port) {
		secret_clear(settings->config.auth.credentials);
		secret_clear(settings->config.client_key_password);
	}
	bolt_writer_free(&settings->auth_parameters);
	arena_free(&settings->arena);
	free(settings);
}
