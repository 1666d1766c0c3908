package openedx

import (
	"net/http"
	"testing"
	"time"
)

var noon = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

func TestParseRetryAfter(t *testing.T) {
	tests := map[string]time.Duration{
		"":                    0,
		"58":                  58 * time.Second,
		"0":                   time.Second,
		"-5":                  0,
		"1.5":                 0,
		"soon":                0,
		"86400":               24 * time.Hour,
		"86401":               0,
		"9223372036854775807": 0,
		noon.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second,
		noon.Add(-time.Hour).Format(http.TimeFormat):       time.Second,
		noon.AddDate(1, 0, 0).Format(http.TimeFormat):      0,
	}
	for header, want := range tests {
		if got := parseRetryAfter(header, noon); got != want {
			t.Errorf("%q is %s, want %s", header, got, want)
		}
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	f.Add("58")
	f.Add("Tue, 24 Nov 2026 12:00:58 GMT")
	f.Add("Tuesday, 24-Nov-26 12:00:58 GMT")
	f.Add("18446744073709551615")
	f.Fuzz(func(t *testing.T, header string) {
		if got := parseRetryAfter(header, noon); got != 0 && (got < minRetryAfter || got > maxRetryAfter) {
			t.Errorf("%q is %s", header, got)
		}
	})
}
