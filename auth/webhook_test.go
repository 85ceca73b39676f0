package auth

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"
)

// The vector of the Standard Webhooks libraries.
func TestWebhookVector(t *testing.T) {
	secret, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	timestamp, signature, err := SignWebhook(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", []byte(`{"test": 2432232314}`), time.Unix(1614265330, 0))
	if err != nil || timestamp != "1614265330" || signature != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("%s, %s, %v", timestamp, signature, err)
	}
}

func TestWebhook(t *testing.T) {
	body := []byte(`{"type":"room-ended"}`)
	timestamp, signature, err := SignWebhook(secret, "m1", body, now)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		secrets                  [][]byte
		id, timestamp, signature string
		body                     string
		at                       time.Duration
		want                     error
	}{
		"right":               {[][]byte{other, secret}, "m1", timestamp, signature, string(body), 0, nil},
		"among others":        {[][]byte{secret}, "m1", timestamp, "v2,x v1,AAAA " + signature, string(body), 0, nil},
		"late":                {[][]byte{secret}, "m1", timestamp, signature, string(body), WebhookTolerance, nil},
		"too late":            {[][]byte{secret}, "m1", timestamp, signature, string(body), WebhookTolerance + 1, ErrWebhookTime},
		"too early":           {[][]byte{secret}, "m1", timestamp, signature, string(body), -WebhookTolerance - 1, ErrWebhookTime},
		"no time":             {[][]byte{secret}, "m1", "", signature, string(body), 0, ErrWebhookTime},
		"another time":        {[][]byte{secret}, "m1", "1800000001", signature, string(body), 0, ErrWebhookSignature},
		"another id":          {[][]byte{secret}, "m2", timestamp, signature, string(body), 0, ErrWebhookSignature},
		"another body":        {[][]byte{secret}, "m1", timestamp, signature, "{}", 0, ErrWebhookSignature},
		"another secret":      {[][]byte{other}, "m1", timestamp, signature, string(body), 0, ErrWebhookSignature},
		"no secret":           {nil, "m1", timestamp, signature, string(body), 0, ErrWebhookSignature},
		"no signature":        {[][]byte{secret}, "m1", timestamp, "", string(body), 0, ErrWebhookSignature},
		"without a version":   {[][]byte{secret}, "m1", timestamp, signature[3:], string(body), 0, ErrWebhookSignature},
		"too many to look at": {[][]byte{secret}, "m1", timestamp, "a b c d e f g h " + signature, string(body), 0, ErrWebhookSignature},
	} {
		if err := VerifyWebhook(tt.secrets, tt.id, tt.timestamp, tt.signature, []byte(tt.body), now.Add(tt.at)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	for name, err := range map[string]error{
		"short secret": func() error { _, _, err := SignWebhook(secret[:8], "m1", body, now); return err }(),
		"a dot":        func() error { _, _, err := SignWebhook(secret, "m.1", body, now); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}
