package openedx

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func TestABudgetIsInheritedByTheSameUserOnly(t *testing.T) {
	base := Config{URL: "https://learn.example.com", ClientID: "a", ClientSecret: "b", CallsPerMinute: 62}
	for name, test := range map[string]struct {
		change   func(*Config)
		inherits bool
	}{
		"new secret":    {func(c *Config) { c.ClientSecret = "c" }, true},
		"other routes":  {func(c *Config) { c.AccountRoute = v1alpha1.AccountRouteEoxCore }, true},
		"larger budget": {func(c *Config) { c.CallsPerMinute = 120 }, true},
		"other client":  {func(c *Config) { c.ClientID = "c" }, false},
		"other LMS":     {func(c *Config) { c.URL = "https://other.example.com" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			config := base
			config.Clock = clocktesting.NewFakeClock(noon)
			before := mustNew(t, config)
			mustGo(t, before.lanes[callRoles])
			refuse(before.lanes[callRegister], time.Hour)

			test.change(&config)
			after := mustNew(t, config)
			pace, atOnce := after.lanes[callRoles].limiter.Limit(), after.lanes[callRoles].limiter.Burst()
			after.Inherit(before)
			limiter := after.lanes[callRoles].limiter
			if spent := limiter.TokensAt(noon) < 1; spent != test.inherits {
				t.Errorf("%v calls are left", limiter.TokensAt(noon))
			}
			if limiter.Limit() != pace || limiter.Burst() != atOnce {
				t.Errorf("the pace is %v with %d at once, want %v with %d", limiter.Limit(), limiter.Burst(), pace, atOnce)
			}
			if shut := after.lanes[callRegister].admit(t.Context(), false) != nil; shut != test.inherits {
				t.Errorf("the gate is shut: %t", shut)
			}
		})
	}
}

func mustNew(t *testing.T, config Config) *Client {
	t.Helper()
	client, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
