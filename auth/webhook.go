package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// The headers of a webhook, as in the Standard Webhooks specification 1.0, for which receivers find libraries in most languages.
const (
	WebhookID        = "Webhook-Id"        // the same when a delivery is repeated: the receiver acts on it once
	WebhookTimestamp = "Webhook-Timestamp" // seconds since 1970, of this attempt
	WebhookSignature = "Webhook-Signature" // "v1,<base64>", several with a space between while secrets are rotated
)

// WebhookTolerance is how old a webhook may be, or how far in the future, for VerifyWebhook.
const WebhookTolerance = 5 * time.Minute

// maxWebhookSignatures bounds how many signatures of one header are looked at.
const maxWebhookSignatures = 8

// Why a webhook is refused.
var (
	ErrWebhookSignature = errors.New("webhook signature is wrong")
	ErrWebhookTime      = errors.New("webhook is too old, or from the future")
)

// SignWebhook returns the values of WebhookTimestamp and WebhookSignature. The signature is HMAC-SHA256 over "id.timestamp.body". id has
// no '.', so that the three parts cannot be shifted.
func SignWebhook(secret []byte, id string, body []byte, at time.Time) (timestamp, signature string, err error) {
	if len(secret) < MinSecret {
		return "", "", ErrSecret
	}
	if id == "" || strings.Contains(id, ".") {
		return "", "", errors.New("a webhook's id has no '.' and is not empty")
	}
	timestamp = strconv.FormatInt(at.Unix(), 10)
	return timestamp, "v1," + base64.StdEncoding.EncodeToString(webhookSum(secret, id, timestamp, body)), nil
}

// VerifyWebhook checks the three headers and the body, as they came, against each of the secrets.
func VerifyWebhook(secrets [][]byte, id, timestamp, signature string, body []byte, now time.Time) error {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return ErrWebhookTime
	}
	if at := time.Unix(seconds, 0); at.Before(now.Add(-WebhookTolerance)) || at.After(now.Add(WebhookTolerance)) {
		return ErrWebhookTime
	}
	for _, one := range strings.SplitN(signature, " ", maxWebhookSignatures) {
		encoded, ok := strings.CutPrefix(one, "v1,")
		sum, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil {
			continue // another version's
		}
		for _, secret := range secrets {
			if len(secret) >= MinSecret && hmac.Equal(sum, webhookSum(secret, id, timestamp, body)) {
				return nil
			}
		}
	}
	return ErrWebhookSignature
}

func webhookSum(secret []byte, id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}
