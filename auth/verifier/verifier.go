package verifier

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confab/confab/auth"
)

// Options say what tokens are verified with. The zero value of each field but one of Secrets, Keys and JWKS is fine.
type Options struct {
	Secrets [][]byte   // HS256 and invites: the first signs, all verify
	Keys    []auth.Key // from files; see auth.ParseKeys
	JWKS    []string   // URLs of JWK sets, at most MaxURLs

	Audience string        // empty: auth.Audience
	Issuer   string        // empty: any
	Leeway   time.Duration // 0: auth.Leeway; negative: none; at most auth.MaxLeeway

	MinAge time.Duration // least time between two fetches of a URL; 0: 1 minute
	MaxAge time.Duration // most; 0: 1 hour
	Stale  time.Duration // how long keys serve after the last good fetch; 0: 24 hours

	Client *http.Client     // its Transport, Timeout and Jar are used; nil: the default one
	Now    func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: none
}

// MaxURLs bounds how many JWKS URLs there can be.
const MaxURLs = 8

// fetchTimeout bounds one fetch, and so how long Verify can wait.
const fetchTimeout = 5 * time.Second

// Verifier verifies tokens. All its methods may be called at once.
type Verifier struct {
	state  atomic.Pointer[state]
	reload sync.Mutex    // held while Reload exchanges state; never across I/O
	woken  chan struct{} // closed when Run is to look at the sets anew; exchanged by Reload, under reload
}

// state is what one call of New or Reload has made.
type state struct {
	options Options
	sets    []*keySet
}

// New checks the options. It does not wait for any URL: Run does the fetching, and a Verify before that fetches what it needs.
func New(o Options) (*Verifier, error) {
	v := &Verifier{woken: make(chan struct{})}
	if err := v.Reload(o); err != nil {
		return nil, err
	}
	return v, nil
}

// Reload exchanges secrets, keys, URLs and checks while tokens are being verified. Sets of URLs that stay keep what they have fetched.
// After an error everything is as before.
func (v *Verifier) Reload(o Options) error {
	if err := o.complete(); err != nil {
		return err
	}
	v.reload.Lock()
	defer v.reload.Unlock()
	next := &state{options: o}
	var before []*keySet
	if old := v.state.Load(); old != nil {
		before = old.sets
	}
	for _, url := range o.JWKS {
		if i := slices.IndexFunc(before, func(s *keySet) bool { return s.url == url }); i >= 0 {
			next.sets = append(next.sets, before[i])
			continue
		}
		set, err := newKeySet(url)
		if err != nil {
			return err
		}
		next.sets = append(next.sets, set)
	}
	v.state.Store(next)
	close(v.woken)
	v.woken = make(chan struct{})
	return nil
}

// complete fills in the defaults and reports everything that is wrong.
func (o *Options) complete() error {
	var errs []error
	usable := 0
	for _, s := range o.Secrets {
		if len(s) < auth.MinSecret {
			errs = append(errs, auth.ErrSecret)
		}
		usable++
	}
	if usable+len(o.Keys)+len(o.JWKS) == 0 {
		errs = append(errs, errors.New("nothing to verify tokens with: give secrets, keys or a JWKS URL"))
	}
	if len(o.JWKS) > MaxURLs {
		errs = append(errs, errors.New("more than 8 JWKS URLs"))
	}
	for _, url := range o.JWKS {
		if err := checkURL(url); err != nil {
			errs = append(errs, err)
		}
	}
	if o.Leeway > auth.MaxLeeway {
		errs = append(errs, errors.New("a leeway of more than 5 minutes: set the clocks instead"))
	}
	o.MinAge, o.MaxAge, o.Stale = orElse(o.MinAge, time.Minute), orElse(o.MaxAge, time.Hour), orElse(o.Stale, 24*time.Hour)
	if o.MinAge < 0 || o.MaxAge < o.MinAge || o.Stale < o.MaxAge {
		errs = append(errs, errors.New("want MinAge <= MaxAge <= Stale"))
	}
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Client = confined(o.Client)
	return errors.Join(errs...)
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// Verify checks a join token or an invite; see auth.Keyring.Verify for the errors. For a key that is not known it fetches the JWK sets
// again, if the last fetch is at least MinAge ago, and waits for that, at most 5 seconds.
func (v *Verifier) Verify(token string, now time.Time) (auth.Claims, error) {
	s := v.state.Load()
	claims, err := s.keyring().Verify(token, now)
	if !errors.Is(err, auth.ErrUnknownKey) || len(s.sets) == 0 {
		return claims, err
	}
	var all sync.WaitGroup // one host that does not answer keeps nobody from the others
	var fetched atomic.Bool
	for _, set := range s.sets {
		all.Go(func() {
			if set.refetch(&s.options) {
				fetched.Store(true)
			}
		})
	}
	if all.Wait(); !fetched.Load() {
		return auth.Claims{}, err
	}
	return s.keyring().Verify(token, now)
}

// Secrets returns those of the moment: the first signs invites.
func (v *Verifier) Secrets() [][]byte { return v.state.Load().options.Secrets }

// keyring puts together what is known at the moment.
func (s *state) keyring() *auth.Keyring {
	o := &s.options
	keys := o.Keys
	for _, set := range s.sets {
		if fresh := set.keys(o.Now(), o.Stale); len(fresh) > 0 {
			keys = slices.Concat(keys, fresh)
		}
	}
	return &auth.Keyring{Secrets: o.Secrets, Keys: keys, Audience: o.Audience, Issuer: o.Issuer, Leeway: o.Leeway}
}

// Run keeps the JWK sets fresh until ctx ends.
func (v *Verifier) Run(ctx context.Context) error {
	for {
		v.reload.Lock()
		s, woken := v.state.Load(), v.woken
		v.reload.Unlock()
		var all sync.WaitGroup
		waits := make([]time.Duration, len(s.sets))
		for i, set := range s.sets {
			all.Go(func() { waits[i] = set.refresh(ctx, &s.options) })
		}
		all.Wait()
		timer := time.NewTimer(slices.Min(append(waits, s.options.MaxAge)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-woken:
			timer.Stop()
		case <-timer.C:
		}
	}
}
