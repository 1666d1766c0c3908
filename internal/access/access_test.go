package access

import (
	"testing"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func TestWindowCoversWholeDaysInThePlatformsZone(t *testing.T) {
	for name, test := range map[string]struct {
		zone, start, end string
		now              string
		want             v1alpha1.Access
		next             string
	}{
		"the second before the first day":   {"Europe/Berlin", "2017-10-01", "2018-09-30", "2017-09-30T23:59:59+02:00", v1alpha1.AccessUpcoming, "2017-10-01T00:00:00+02:00"},
		"the first instant":                 {"Europe/Berlin", "2017-10-01", "2018-09-30", "2017-10-01T00:00:00+02:00", v1alpha1.AccessOpen, "2018-10-01T00:00:00+02:00"},
		"the last second of the last day":   {"Europe/Berlin", "2017-10-01", "2018-09-30", "2018-09-30T23:59:59+02:00", v1alpha1.AccessOpen, "2018-10-01T00:00:00+02:00"},
		"the first instant after it":        {"Europe/Berlin", "2017-10-01", "2018-09-30", "2018-10-01T00:00:00+02:00", v1alpha1.AccessEnded, ""},
		"one day":                           {"UTC", "2017-10-01", "2017-10-01", "2017-10-01T12:00:00Z", v1alpha1.AccessOpen, "2017-10-02T00:00:00Z"},
		"no end":                            {"UTC", "2017-10-01", "", "2099-01-01T00:00:00Z", v1alpha1.AccessOpen, ""},
		"winter begins in the window":       {"Europe/Berlin", "2026-10-25", "2026-10-25", "2026-10-25T00:00:00+02:00", v1alpha1.AccessOpen, "2026-10-26T00:00:00+01:00"},
		"midnight is skipped (Santiago)":    {"America/Santiago", "2025-09-07", "", "2025-09-06T23:59:59-04:00", v1alpha1.AccessUpcoming, "2025-09-07T01:00:00-03:00"},
		"midnight strikes twice (Havana)":   {"America/Havana", "2025-11-02", "", "2025-11-01T23:59:59-04:00", v1alpha1.AccessUpcoming, "2025-11-02T00:00:00-04:00"},
		"midnight was skipped (Sao Paulo)":  {"America/Sao_Paulo", "2018-11-04", "2018-11-04", "2018-11-03T23:59:59-03:00", v1alpha1.AccessUpcoming, "2018-11-04T01:00:00-02:00"},
		"the day before ends then":          {"America/Sao_Paulo", "2018-11-01", "2018-11-03", "2018-11-03T23:59:59-03:00", v1alpha1.AccessOpen, "2018-11-04T01:00:00-02:00"},
		"the last hour came twice":          {"America/Sao_Paulo", "2018-02-17", "2018-02-17", "2018-02-17T23:30:00-02:00", v1alpha1.AccessOpen, "2018-02-18T00:00:00-03:00"},
		"and the second one counts too":     {"America/Sao_Paulo", "2018-02-17", "2018-02-17", "2018-02-17T23:30:00-03:00", v1alpha1.AccessOpen, "2018-02-18T00:00:00-03:00"},
		"no change since (Sao Paulo)":       {"America/Sao_Paulo", "2026-11-01", "", "2026-10-31T23:59:59-03:00", v1alpha1.AccessUpcoming, "2026-11-01T00:00:00-03:00"},
		"midnight is skipped (Beirut)":      {"Asia/Beirut", "2026-03-29", "", "2026-03-28T23:59:59+02:00", v1alpha1.AccessUpcoming, "2026-03-29T01:00:00+03:00"},
		"an hour comes twice (Beirut)":      {"Asia/Beirut", "2026-10-25", "", "2026-10-24T23:59:59+03:00", v1alpha1.AccessUpcoming, "2026-10-25T00:00:00+02:00"},
		"midnight is skipped (Cairo)":       {"Africa/Cairo", "2026-04-24", "2026-04-24", "2026-04-24T01:00:00+03:00", v1alpha1.AccessOpen, "2026-04-25T00:00:00+03:00"},
		"an hour comes twice (Cairo)":       {"Africa/Cairo", "2026-10-01", "2026-10-29", "2026-10-29T23:00:00+02:00", v1alpha1.AccessOpen, "2026-10-30T00:00:00+02:00"},
		"a day that never was (Apia)":       {"Pacific/Apia", "2011-12-30", "", "2011-12-29T23:59:59-10:00", v1alpha1.AccessUpcoming, "2011-12-31T00:00:00+14:00"},
		"half an hour (Lord Howe)":          {"Australia/Lord_Howe", "2026-04-05", "2026-04-05", "2026-04-05T00:00:00+11:00", v1alpha1.AccessOpen, "2026-04-06T00:00:00+10:30"},
		"the zone decides which day it is":  {"Pacific/Auckland", "2026-01-02", "", "2026-01-01T11:00:00Z", v1alpha1.AccessOpen, ""},
		"and keeps the window shut in west": {"America/Los_Angeles", "2026-01-02", "", "2026-01-02T07:59:59Z", v1alpha1.AccessUpcoming, "2026-01-02T08:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			zone, err := time.LoadLocation(test.zone)
			if err != nil {
				t.Fatal(err)
			}
			window, err := NewWindow(v1alpha1.Date(test.start), v1alpha1.Date(test.end), zone)
			if err != nil {
				t.Fatal(err)
			}
			got, next := window.At(instant(t, test.now))
			if got != test.want {
				t.Errorf("access = %s, want %s", got, test.want)
			}
			if test.next == "" && !next.IsZero() || test.next != "" && !next.Equal(instant(t, test.next)) {
				t.Errorf("next change = %s, want %q", next, test.next)
			}
		})
	}
}

// Between two windows that follow each other no instant is in both or in none, in any zone and whatever its clocks do.
func TestDaysFollowEachOtherWithoutAGapInEveryZone(t *testing.T) {
	zones := []string{
		"Africa/Cairo", "Africa/Casablanca", "America/Asuncion", "America/Havana", "America/Los_Angeles", "America/Nuuk", "America/Santiago",
		"America/Sao_Paulo", "America/St_Johns", "Antarctica/Troll", "Asia/Amman", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu", "Asia/Tehran",
		"Atlantic/Azores", "Australia/Lord_Howe", "Europe/Berlin", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "UTC",
	}
	for _, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		var before Window
		for day := time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2038; day = day.AddDate(0, 0, 1) {
			date := v1alpha1.Date(day.Format(time.DateOnly))
			window, err := NewWindow(date, date, zone)
			if err != nil {
				t.Fatal(err)
			}
			if !before.Closes.IsZero() && !window.Opens.Equal(before.Closes) {
				t.Errorf("%s: %s opens at %s, and the day before closes at %s", name, date, window.Opens, before.Closes)
			}
			before = window
			if window.Opens.Equal(window.Closes) {
				continue // a day that never was
			}
			if got := window.Opens.In(zone).Format(time.DateOnly); got != string(date) {
				t.Errorf("%s: %s opens on %s", name, date, got)
			}
			if got := window.Opens.Add(-time.Nanosecond).In(zone).Format(time.DateOnly); got >= string(date) {
				t.Errorf("%s: %s opens after it has begun, at %s", name, date, window.Opens.In(zone))
			}
		}
	}
}

func TestWindowRefusesDaysThatDoNotExist(t *testing.T) {
	if _, err := NewWindow("2017-02-30", "", time.UTC); err == nil {
		t.Error("30 February was taken as a start date")
	}
	if _, err := NewWindow("2017-02-01", "2017-02-30", time.UTC); err == nil {
		t.Error("30 February was taken as an end date")
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
