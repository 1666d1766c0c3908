package access

import (
	"testing"
	"time"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func TestAnEndedAccessIsKeptForTheRetention(t *testing.T) {
	platform := func(zone string, days *int32) *v1alpha1.LearningPlatform {
		return &v1alpha1.LearningPlatform{Spec: v1alpha1.LearningPlatformSpec{TimeZone: zone, EndedEnrollmentRetentionDays: days}}
	}
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		platform        *v1alpha1.LearningPlatform
		end, known, now string
		left            time.Duration
		over            bool
	}{
		"open":                        {platform("UTC", nil), "2018-09-30", "2017-01-01T00:00:00Z", "2018-09-30T23:00:00Z", 0, false},
		"no end":                      {platform("UTC", nil), "", "2017-01-01T00:00:00Z", "2099-01-01T00:00:00Z", 0, false},
		"just ended":                  {platform("UTC", nil), "2018-09-30", "2017-01-01T00:00:00Z", "2018-10-01T00:00:00Z", 30 * day, false},
		"at the end of the retention": {platform("UTC", nil), "2018-09-30", "2017-01-01T00:00:00Z", "2018-10-31T00:00:00Z", 0, true},
		"known only after it ended":   {platform("UTC", nil), "2018-09-30", "2026-01-01T00:00:00Z", "2026-01-11T00:00:00Z", 20 * day, false},
		"known long after it ended":   {platform("UTC", nil), "2018-09-30", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", -1 * day, true},
		"another retention":           {platform("UTC", new(int32(1))), "2018-09-30", "2017-01-01T00:00:00Z", "2018-10-01T12:00:00Z", 12 * time.Hour, false},
		"none at all":                 {platform("UTC", new(int32(0))), "2018-09-30", "2017-01-01T00:00:00Z", "2018-10-01T00:00:00Z", 0, true},
		"the platform's zone counts":  {platform("America/New_York", new(int32(0))), "2018-09-30", "2017-01-01T00:00:00Z", "2018-10-01T03:00:00Z", 0, false},
		"without a platform":          {nil, "2018-09-30", "2017-01-01T00:00:00Z", "2026-02-01T00:00:00Z", 0, false},
		"without a valid zone":        {platform("Nowhere/Land", nil), "2018-09-30", "2017-01-01T00:00:00Z", "2026-02-01T00:00:00Z", 0, false},
	} {
		course := &v1alpha1.CourseAccess{AccessStartDate: "2017-10-01", AccessEndDate: v1alpha1.Date(test.end)}
		left, over := NewRetention(test.platform).Left(course, instant(t, test.known), instant(t, test.now))
		if left != test.left || over != test.over {
			t.Errorf("%s: left %s, over %v; want %s, %v", name, left, over, test.left, test.over)
		}
	}
}
