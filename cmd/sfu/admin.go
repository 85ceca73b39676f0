package main

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/confab/confab/api"
	"github.com/confab/confab/auth"
	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/signaling"
	"github.com/confab/confab/signaling/room"
	"github.com/confab/confab/webhook"
)

// newAPI makes the admin API. Its tokens are those that people join with, where there are such; an open server takes those that its secrets have signed, and
// without a file of secrets none, since nobody could have minted one.
func newAPI(log *slog.Logger, registry prometheus.Registerer, o *options, secrets [][]byte, tokens signaling.Tokens, signal *signaling.Server) http.Handler {
	options := api.Options{Rooms: signal.Admin(), Log: log, Registerer: registry}
	switch {
	case tokens != nil:
		options.Tokens = tokens
	case o.SecretFile != "":
		options.Tokens = &auth.Keyring{Secrets: secrets}
	}
	return api.New(options)
}

// newHooks makes what tells another server of events; nil when none is to be told.
func newHooks(log *slog.Logger, registry prometheus.Registerer, o *options) (*webhook.Hooks, error) {
	if o.WebhookURL == "" {
		return nil, nil
	}
	secrets, err := config.ReadSecrets(o.WebhookSecretFile)
	if err != nil {
		return nil, err
	}
	return webhook.New(webhook.Options{URL: o.WebhookURL, Secrets: secrets, Types: o.webhookTypes(), Log: log, Registerer: registry})
}

func (o *options) webhookTypes() []webhook.Type {
	var types []webhook.Type
	for _, name := range o.WebhookEvents {
		types = append(types, webhook.Type(name))
	}
	return types
}

// validateWebhooks makes what the server would make, and throws it away.
func (o *options) validateWebhooks(report func(option, problem string)) {
	switch {
	case o.WebhookURL == "" && o.WebhookSecretFile != "":
		report("webhook-secret-file", "nothing is signed with it: give --webhook-url too")
	case o.WebhookURL == "" && len(o.WebhookEvents) > 0:
		report("webhook-events", "nobody is told of them: give --webhook-url too")
	case o.WebhookURL == "":
	case o.WebhookSecretFile == "":
		report("webhook-url", "webhooks are signed: give --webhook-secret-file too")
	default:
		if err := webhook.Check(o.WebhookURL); err != nil {
			report("webhook-url", err.Error())
		}
		if _, err := config.ReadSecrets(o.WebhookSecretFile); err != nil {
			report("webhook-secret-file", err.Error())
		}
		if err := webhook.CheckTypes(o.webhookTypes()); err != nil {
			report("webhook-events", err.Error())
		}
	}
}

// observer is what a server tells its events.
type observer = func(id string, s *room.State, e room.Event)

// observers tells each of them.
func observers(list ...observer) observer {
	return func(id string, s *room.State, e room.Event) {
		for _, tell := range list {
			tell(id, s, e)
		}
	}
}
