package names

import (
	"regexp"
	"strings"
	"testing"
)

func TestContactKeepsAnIDThatCanBeAName(t *testing.T) {
	for _, id := range []string{"000123", "a", "joe-7", "x"} {
		if got := Contact(id); got != id {
			t.Errorf("Contact(%q) = %q, want it unchanged", id, got)
		}
	}
}

func TestNamesThatLoseInformationCarryAHash(t *testing.T) {
	for id, want := range map[string]string{
		"ABC":        `^abc-[0-9a-f]{8}$`,
		"a.b":        `^a-b-[0-9a-f]{8}$`,
		"..":         `^x-[0-9a-f]{8}$`,
		"a-12345678": `^a-12345678-[0-9a-f]{8}$`,
		"-a":         `^a-[0-9a-f]{8}$`,
	} {
		if got := Contact(id); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("Contact(%q) = %q, want %s", id, got, want)
		}
	}
	if got, want := Enrollment("000123", "net1"), "000123-net1"; got != want {
		t.Errorf("Enrollment = %q, want %q", got, want)
	}
	if got, want := Enrollment("000123", "1234A"), `^000123-1234a-[0-9a-f]{8}$`; !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("Enrollment = %q, want %s", got, want)
	}
}

func TestDifferentOriginalsGetDifferentNames(t *testing.T) {
	contacts := map[string]string{}
	for _, id := range []string{"abc", "ABC", "a.b", "a-b", "a_b", "..", ".", "x", "-", "A", "a-559aead0"} {
		if twin, taken := contacts[Contact(id)]; taken {
			t.Errorf("%q and %q are both named %q", id, twin, Contact(id))
		}
		contacts[Contact(id)] = id
	}
	enrollments := map[string]string{}
	for _, pair := range [][2]string{{"a-b", "c"}, {"a", "b-c"}, {"a", "b"}, {"A", "b"}, {"a", "B"}, {"a", "b.c"}} {
		name := Enrollment(pair[0], pair[1])
		if twin, taken := enrollments[name]; taken {
			t.Errorf("%q and %q are both named %q", pair, twin, name)
		}
		enrollments[name] = pair[0] + "/" + pair[1]
	}
}

func FuzzEveryNameIsAKubernetesName(f *testing.F) {
	valid := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	f.Add("000123", "1234A")
	f.Add("..", "-._")
	f.Fuzz(func(t *testing.T, contactID, courseCode string) {
		if len(contactID) > 64 || len(courseCode) > 64 || strings.ContainsRune(contactID+courseCode, 0) {
			return
		}
		for _, name := range []string{Contact(contactID), Enrollment(contactID, courseCode)} {
			if !valid.MatchString(name) || len(name) > 253 {
				t.Errorf("%q cannot be an object's name", name)
			}
		}
	})
}
