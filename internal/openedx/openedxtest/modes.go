package openedxtest

import (
	"slices"
	"strings"
	"time"
)

// mode is a way to be enrolled that a course offers.
type mode struct {
	slug    string
	price   int
	expires time.Time // zero: never
}

// allModes are the slugs the platform knows at all.
var allModes = []string{
	"verified", "credit", "honor", "professional", "no-id-professional", "audit", "masters", "executive-education",
	"paid-executive-education", "unpaid-executive-education", "paid-bootcamp", "unpaid-bootcamp",
}

// name is the title a mode gets without one of its own.
func (m mode) name() string { return titleCase(m.slug) }

// priceOf is what the recorded platform's modes cost.
func priceOf(slug string) int {
	if slug == "audit" || slug == "honor" {
		return 0
	}
	return 10
}

// modesOf are the modes a course offers, those that expired only on request.
// A course that offers none, and one that does not exist, offer the installation's default.
func (s *state) modesOf(key string, includeExpired bool) []mode {
	var offered []mode
	if c := s.courses[fold(key)]; c != nil {
		for _, m := range c.modes {
			if includeExpired || m.expires.IsZero() || m.expires.After(s.clock.Now()) {
				offered = append(offered, m)
			}
		}
	}
	if len(offered) == 0 {
		return []mode{{slug: s.settings.DefaultCourseMode}}
	}
	return offered
}

// defaultMode is the mode of an enrollment that names none: the installation's where the course offers it, else audit, else honor.
// If it offers none of these the default comes out all the same, which the enrollment API then refuses and bulk enrollment takes.
func (s *state) defaultMode(key string) string {
	offered := slices.DeleteFunc(s.modesOf(key, false), func(m mode) bool { return m.slug == "credit" })
	for _, slug := range []string{s.settings.DefaultCourseMode, "audit", "honor"} {
		if slices.ContainsFunc(offered, func(m mode) bool { return m.slug == slug }) {
			return slug
		}
	}
	return s.settings.DefaultCourseMode
}

// titleCase capitalizes every run of letters, as Python's str.title does.
func titleCase(s string) string {
	var b strings.Builder
	inWord := false
	for _, r := range s {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if letter && !inWord {
			b.WriteString(strings.ToUpper(string(r)))
		} else {
			b.WriteString(strings.ToLower(string(r)))
		}
		inWord = letter
	}
	return b.String()
}
