package openedxtest

import (
	"regexp"
	"strings"
)

// Course keys as the platform reads them: the current form, and the old Org/Num/Run, which names no course any more but is a key.
var (
	courseKey    = regexp.MustCompile(`^course-v1:([\pL\pN_\-~.:]+)\+([\pL\pN_\-~.:]+)\+([\pL\pN_\-~.:]+)$`)
	oldCourseKey = regexp.MustCompile(`^[\pL\pN_\-~.:%]+/[\pL\pN_\-~.:%]+/[\pL\pN_\-~.:%]+$`)
)

func validCourseKey(key string) bool {
	return courseKey.MatchString(key) || oldCourseKey.MatchString(key)
}

// courseKeyParts are the organization and the number in a course key.
func courseKeyParts(key string) (org, number string) {
	if parts := courseKey.FindStringSubmatch(key); parts != nil {
		return parts[1], parts[2]
	}
	parts := strings.SplitN(key, "/", 3)
	return parts[0], parts[1]
}
