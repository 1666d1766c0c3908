package ingest

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/problem"
)

// check is what happens to a document before anything is asked or stored.
func check(contactID, body string) (document, *problem.Problem) {
	decoded, err := decode[document]([]byte(body))
	if err == nil {
		err = decoded.validate(contactID)
	}
	if err == nil {
		return decoded, nil
	}
	found, ok := errors.AsType[*problem.Problem](err)
	if !ok {
		return decoded, problem.Internal()
	}
	return decoded, found
}

// refusals are documents that are not stored, and why.
var refusals = map[string]struct {
	body   string
	status int
	// errors are "pointer reason".
	errors []string
}{
	"empty body":                {"", 400, []string{" Syntax"}},
	"white space":               {" \n", 400, []string{" Syntax"}},
	"not JSON":                  {"Joe", 400, []string{" Syntax"}},
	"cut off":                   {joe()[:40], 400, []string{"/Contact Syntax"}},
	"data behind":               {joe() + "{}", 400, []string{" Syntax"}},
	"comment":                   {joe("{", "{/**/"), 400, []string{" Syntax"}},
	"comma too many":            {joe(`"}]`, `"},]`), 400, []string{"/Contact/Enrollments/1 Syntax"}},
	"invalid UTF-8":             {joe("Joe", "J\xffe"), 400, []string{"/Contact/FirstName Syntax"}},
	"half of a surrogate pair":  {joe("Joe", `\ud800`), 400, []string{"/Contact/FirstName Syntax"}},
	"byte order mark":           {"\ufeff" + joe(), 400, []string{" Syntax"}},
	"too deep":                  {strings.Repeat("[", 20000) + strings.Repeat("]", 20000), 400, []string{strings.Repeat("/0", 128) + " Syntax"}},
	"wrong and not JSON either": {`{"Contact": 1, "x": }`, 400, []string{"/x Syntax"}},

	"null":                   {"null", 403, []string{" WrongType"}},
	"an array":               {"[" + joe() + "]", 403, []string{" WrongType"}},
	"no Contact":             {"{}", 403, []string{"/Contact Missing"}},
	"Contact null":           {`{"Contact": null}`, 403, []string{"/Contact WrongType"}},
	"Contact a string":       {`{"Contact": "000123"}`, 403, []string{"/Contact WrongType"}},
	"an empty Contact":       {`{"Contact": {}}`, 403, []string{"/Contact/ContactID Missing", "/Contact/FirstName Missing", "/Contact/LastName Missing", "/Contact/Email Missing", "/Contact/Enrollments Missing"}},
	"unknown at the top":     {joe(`{"Contact"`, `{"Version": 1, "Contact"`), 403, []string{"/Version Unknown"}},
	"unknown in Contact":     {joe(`"Email"`, `"Phone": "1", "Email"`), 403, []string{"/Contact/Phone Unknown"}},
	"unknown in Enrollments": {joe(`"CourseCode"`, `"Mode": "audit", "CourseCode"`), 403, []string{"/Contact/Enrollments/0/Mode Unknown"}},
	"a name to be escaped":   {joe(`"Email"`, `"a/b~c": "1", "Email"`), 403, []string{"/Contact/a~1b~0c Unknown"}},
	"another case":           {joe(`"Email"`, `"email"`), 403, []string{"/Contact/email Unknown"}},
	"a very long name":       {joe(`"Email"`, `"`+strings.Repeat("x", 1000)+`": "1", "Email"`), 403, []string{"/Contact Unknown"}},
	"twice in Contact":       {joe(`"Email"`, `"ContactID": "000123", "Email"`), 403, []string{"/Contact/ContactID Duplicate"}},
	"twice, once escaped":    {joe(`"Email"`, `"Contact\u0049D": "000123", "Email"`), 403, []string{"/Contact/ContactID Duplicate"}},
	"twice in Enrollments":   {joe(`"CourseCode"`, `"CourseCode": "1", "CourseCode"`), 403, []string{"/Contact/Enrollments/0/CourseCode Duplicate"}},
	"twice at the top":       {joe(`]}}`, `]}, "Contact": {}}`), 403, []string{"/Contact Duplicate"}},
	"a number as ID":         {joe(`"000123"`, `123`), 403, []string{"/Contact/ContactID WrongType"}},
	"true as a name":         {joe(`"Joe"`, `true`), 403, []string{"/Contact/FirstName WrongType"}},
	"null as a name":         {joe(`"Joe"`, `null`), 403, []string{"/Contact/FirstName WrongType"}},
	"an array as e-mail":     {joe(`"joe.smith@acme.com"`, `["joe.smith@acme.com"]`), 403, []string{"/Contact/Email WrongType"}},
	"Enrollments null":       {`{"Contact": {"Enrollments": null}}`, 403, []string{"/Contact/Enrollments WrongType"}},
	"Enrollments an object":  {`{"Contact": {"Enrollments": {}}}`, 403, []string{"/Contact/Enrollments WrongType"}},
	"an Enrollment null":     {joe(`[{`, `[null, {`), 403, []string{"/Contact/Enrollments/0 WrongType"}},
	"an Enrollment a string": {joe(`[{`, `["1234A", {`), 403, []string{"/Contact/Enrollments/0 WrongType"}},
	"an end date null":       {joe(`"2018-09-30"`, `null`), 403, []string{"/Contact/Enrollments/0/AccessEndDate WrongType"}},
	"a date as a number":     {joe(`"2017-10-01"`, `20171001`), 403, []string{"/Contact/Enrollments/0/AccessStartDate WrongType"}},

	"ID not of the URL":      {joe("000123", "000124"), 403, []string{"/Contact/ContactID Inconsistent"}},
	"ID empty":               {joe("000123", ""), 403, []string{"/Contact/ContactID Malformed"}},
	"ID too long":            {joe("000123", strings.Repeat("1", 65)), 403, []string{"/Contact/ContactID Malformed"}},
	"ID with a slash":        {joe("000123", "000/123"), 403, []string{"/Contact/ContactID Malformed"}},
	"ID with a letter of éé": {joe("000123", "é"), 403, []string{"/Contact/ContactID Malformed"}},
	"ID of one dot":          {joe("000123", "."), 403, []string{"/Contact/ContactID Malformed"}},
	"ID of two dots":         {joe("000123", ".."), 403, []string{"/Contact/ContactID Malformed"}},
	"ID with a line break":   {joe("000123", `000123\n`), 403, []string{"/Contact/ContactID Malformed"}},
	"name empty":             {joe("Joe", ""), 403, []string{"/Contact/FirstName Malformed"}},
	"name too long":          {joe("Joe", strings.Repeat("ö", 101)), 403, []string{"/Contact/FirstName Malformed"}},
	"name with a space":      {joe("Joe", "Joe "), 403, []string{"/Contact/FirstName Malformed"}},
	"name with wide space":   {joe("Joe", `\u2003Joe`), 403, []string{"/Contact/FirstName Malformed"}},
	"name of white space":    {joe("Joe", `\u00a0`), 403, []string{"/Contact/FirstName Malformed"}},
	"name with markup":       {joe("Smith", "<b>Smith"), 403, []string{"/Contact/LastName Malformed"}},
	"name with >":            {joe("Smith", "a>b"), 403, []string{"/Contact/LastName Malformed"}},
	"name with a URL":        {joe("Smith", "http://x"), 403, []string{"/Contact/LastName Malformed"}},
	"name with NUL":          {joe("Smith", `Sm\u0000ith`), 403, []string{"/Contact/LastName Malformed"}},
	"name with DEL":          {joe("Smith", "Sm\x7fith"), 403, []string{"/Contact/LastName Malformed"}},
	"name with a C1 control": {joe("Smith", `Sm\u0085ith`), 403, []string{"/Contact/LastName Malformed"}},
	"e-mail empty":           {joe("joe.smith@acme.com", ""), 403, []string{"/Contact/Email Malformed"}},
	"e-mail without @":       {joe("joe.smith@acme.com", "joe.smith"), 403, []string{"/Contact/Email Malformed"}},
	"e-mail without a dot":   {joe("joe.smith@acme.com", "joe.smith@acme"), 403, []string{"/Contact/Email Malformed"}},
	"e-mail of a name":       {joe("joe.smith@acme.com", "Joe <joe.smith@acme.com>"), 403, []string{"/Contact/Email Malformed"}},
	"e-mail too long":        {joe("joe.smith@", strings.Repeat("j", 246)+"@"), 403, []string{"/Contact/Email Malformed"}},
	"e-mail in unicode":      {joe("joe.smith@", "joé@"), 403, []string{"/Contact/Email Malformed"}},
	"code missing":           {joe(`"CourseCode": "1234A", `, ""), 403, []string{"/Contact/Enrollments/0/CourseCode Missing"}},
	"code empty":             {joe("1234A", ""), 403, []string{"/Contact/Enrollments/0/CourseCode Malformed"}},
	"code too long":          {joe("1234A", strings.Repeat("1", 65)), 403, []string{"/Contact/Enrollments/0/CourseCode Malformed"}},
	"code with a plus":       {joe("1234A", "12+34A"), 403, []string{"/Contact/Enrollments/0/CourseCode Malformed"}},
	"code twice":             {joe(`"}]`, `"}, {"CourseCode": "1235A", "AccessStartDate": "2017-10-01"}, {"CourseCode": "1234A", "AccessStartDate": "2019-10-01"}]`), 403, []string{"/Contact/Enrollments/2/CourseCode Duplicate"}},
	"start missing":          {joe(`"AccessStartDate": "2017-10-01", `, ""), 403, []string{"/Contact/Enrollments/0/AccessStartDate Missing"}},
	"start empty":            {joe("2017-10-01", ""), 403, []string{"/Contact/Enrollments/0/AccessStartDate Malformed"}},
	"no such day":            {joe("2017-10-01", "2017-02-30"), 403, []string{"/Contact/Enrollments/0/AccessStartDate Malformed"}},
	"no leap year":           {joe("2018-09-30", "2019-02-29"), 403, []string{"/Contact/Enrollments/0/AccessEndDate Malformed"}},
	"day with a time":        {joe("2017-10-01", "2017-10-01T00:00:00Z"), 403, []string{"/Contact/Enrollments/0/AccessStartDate Malformed"}},
	"day the other way":      {joe("2017-10-01", "01.10.2017"), 403, []string{"/Contact/Enrollments/0/AccessStartDate Malformed"}},
	"day too short":          {joe("2017-10-01", "2017-1-1"), 403, []string{"/Contact/Enrollments/0/AccessStartDate Malformed"}},
	"end empty":              {joe("2018-09-30", ""), 403, []string{"/Contact/Enrollments/0/AccessEndDate Malformed"}},
	"end before start":       {joe("2018-09-30", "2017-09-30"), 403, []string{"/Contact/Enrollments/0/AccessEndDate Inconsistent"}},
	"1,001 enrollments":      {many(1001), 403, []string{"/Contact/Enrollments TooMany"}},
	"all at once": {joe("Joe", "<Joe>", "joe.smith@", "@", "2017-10-01", "2017-13-01", "1234A", "12 34A"), 403, []string{
		"/Contact/FirstName Malformed", "/Contact/Email Malformed",
		"/Contact/Enrollments/0/CourseCode Malformed", "/Contact/Enrollments/0/AccessStartDate Malformed"}},
}

// accepted are documents that are stored.
var accepted = map[string]string{
	"of the design":       joe(),
	"without an end":      joe(`, "AccessEndDate": "2018-09-30"`, ""),
	"one day":             joe("2018-09-30", "2017-10-01"),
	"a leap day":          joe("2018-09-30", "2024-02-29"),
	"the first year":      joe("2017-10-01", "0000-01-01"),
	"the last year":       joe("2018-09-30", "9999-12-31"),
	"no enrollments":      learner("000123", "Joe"),
	"longest names":       joe("Joe", strings.Repeat("ö", 100), "Smith", strings.Repeat("語", 100)),
	"names of the world":  joe("Joe", "Zoë-María O’Hara", "Smith", "ﷺ 👩‍🎓 & \\\"quoted\\\" {x} a:/b // 'c'"),
	"a zero-width space":  joe("Joe", `\u200bJoe`),
	"a soft hyphen":       joe("Joe", `Jo\u00ade`),
	"longest e-mail":      joe("joe.smith@acme.com", strings.Repeat("j", 245)+"@acme.com"),
	"odd e-mail":          joe("joe.smith@acme.com", "!#$%&'*+/=?^_{|}~-@a-b.c-d.e"),
	"two dots in e-mail":  joe("joe.smith@", "joe..smith@"),
	"codes of all kinds":  joe("1234A", "A.b_c-9"),
	"longest code":        joe("1234A", strings.Repeat("9", 64)),
	"codes in two cases":  joe(`"}]`, `"}, {"CourseCode": "1234a", "AccessStartDate": "2017-10-01"}]`),
	"escapes":             joe("Joe", `\u004a\u006f\u0065`),
	"1,000 enrollments":   many(1000),
	"white space outside": "\r\n\t " + joe() + "\n",
}

// many is a document with n enrollments.
func many(n int) string {
	enrollments := make([]string, n)
	for i := range enrollments {
		enrollments[i] = fmt.Sprintf(`{"CourseCode": "%d%s", "AccessStartDate": "2017-10-01", "AccessEndDate": "2018-09-30"}`, i, strings.Repeat("x", 60))
	}
	return fmt.Sprintf(`{"Contact": {"ContactID": "000123", "FirstName": "Joe", "LastName": "Smith", "Email": "joe.smith@acme.com", "Enrollments": [%s]}}`,
		strings.Join(enrollments, ",\n    "))
}

func TestRefusedDocuments(t *testing.T) {
	for name, test := range refusals {
		t.Run(name, func(t *testing.T) {
			_, found := check("000123", test.body)
			if found == nil {
				t.Fatal("it was accepted")
			}
			var got []string
			for _, e := range found.Errors {
				got = append(got, e.Pointer+" "+e.Reason)
			}
			if diff := cmp.Diff(test.errors, got); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			if found.Status != test.status {
				t.Errorf("status %d, want %d", found.Status, test.status)
			}
		})
	}
}

func TestANullIsToldApartFromAWrongType(t *testing.T) {
	const never, leaveOut = "This must not be null.", "This must not be null; leave the member out if it has no value."
	for body, want := range map[string]problem.Error{
		`null`:                                 {Pointer: "", Detail: never},
		`{"Contact": null}`:                    {Pointer: "/Contact", Detail: never},
		`{"Contact": {"ContactID": null}}`:     {Pointer: "/Contact/ContactID", Detail: never},
		`{"Contact": {"Enrollments": null}}`:   {Pointer: "/Contact/Enrollments", Detail: never},
		`{"Contact": {"Enrollments": [null]}}`: {Pointer: "/Contact/Enrollments/0", Detail: never},
		joe(`"2017-10-01"`, `null`):            {Pointer: "/Contact/Enrollments/0/AccessStartDate", Detail: never},
		joe(`"2018-09-30"`, `null`):            {Pointer: "/Contact/Enrollments/0/AccessEndDate", Detail: leaveOut},
		joe(`"Joe"`, `1`):                      {Pointer: "/Contact/FirstName", Detail: "This must be a string."},
		`{"Contact": {"Enrollments": {}}}`:     {Pointer: "/Contact/Enrollments", Detail: "This must be an array."},
		`{"Contact": []}`:                      {Pointer: "/Contact", Detail: "This must be an object."},
	} {
		want.Reason = problem.ReasonWrongType
		_, found := check("000123", body)
		if found == nil {
			t.Errorf("%s was accepted", body)
		} else if diff := cmp.Diff([]problem.Error{want}, found.Errors); diff != "" {
			t.Errorf("errors of %s (-want +got):\n%s", body, diff)
		}
	}
}

func TestAcceptedDocumentsComeBackAsTheyWere(t *testing.T) {
	for name, body := range accepted {
		t.Run(name, func(t *testing.T) {
			decoded, found := check("000123", body)
			if found != nil {
				t.Fatal(found, found.Errors)
			}
			spec := decoded.spec()
			if diff := cmp.Diff(decoded, documentOf(&spec)); diff != "" {
				t.Errorf("document (-sent +back):\n%s", diff)
			}
		})
	}
}

// The samples' documents are valid, are of the courses beside them, and include the one of the API's description.
func TestSampleDocuments(t *testing.T) {
	courses, err := os.ReadFile("../../config/samples/courses.yaml")
	must(t, err)
	files, err := filepath.Glob("../../config/samples/documents/*.json")
	must(t, err)
	sent := map[string]document{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		must(t, err)
		id := strings.TrimSuffix(filepath.Base(file), ".json")
		decoded, found := check(id, string(body))
		if found != nil {
			t.Fatal(file, found.Errors)
		}
		sent[id] = decoded
		for _, access := range decoded.spec().Enrollments {
			if !strings.Contains(string(courses), "courseCode: "+access.CourseCode+"\n") {
				t.Errorf("%s: there is no course %s", file, access.CourseCode)
			}
		}
	}
	described, _ := check("000123", joe())
	if diff := cmp.Diff(described, sent["000123"]); diff != "" {
		t.Errorf("document 000123 (-described +sample):\n%s", diff)
	}
}

func TestAnAnswerListsAHundredErrors(t *testing.T) {
	_, found := check("000123", strings.ReplaceAll(many(1000), "2018", "2016"))
	if found == nil || len(found.Errors) != 100 {
		t.Errorf("found %v", found)
	}
}

func TestNoAnswerRepeatsAValue(t *testing.T) {
	const secret = "s3cr3t"
	for _, body := range []string{
		secret, `"` + secret + `"`, joe("Joe", "<"+secret), joe("joe.smith@acme.com", secret), joe(`"Joe"`, `["`+secret+`"]`),
		joe("1234A", secret+" "), joe("2017-10-01", secret), joe("000123", secret), joe() + secret, joe("Joe", secret+"\xff"),
	} {
		_, found := check("000123", body)
		answer, err := json.Marshal(found)
		must(t, err)
		if found == nil || strings.Contains(string(answer), secret) {
			t.Errorf("%s is answered with %s", body, answer)
		}
	}
}

func FuzzDocument(f *testing.F) {
	for _, test := range refusals {
		f.Add([]byte(test.body))
	}
	for _, body := range accepted {
		f.Add([]byte(body))
	}
	for _, body := range documented(f) {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		decoded, found := check("000123", string(body))
		if found != nil {
			if found.Status != http.StatusBadRequest && found.Status != http.StatusForbidden || len(found.Errors) == 0 {
				t.Fatalf("%q is refused with %d and %d errors", body, found.Status, len(found.Errors))
			}
			for _, e := range found.Errors {
				if e.Pointer != "" && e.Pointer[0] != '/' || len(e.Pointer) > doors.MaxPointer || e.Reason == "" || e.Detail == "" {
					t.Fatalf("%q is refused with %+v", body, e)
				}
			}
			return
		}
		// What is accepted survives being stored and sent again.
		spec := decoded.spec()
		back, err := json.Marshal(documentOf(&spec))
		if err != nil {
			t.Fatalf("%q cannot be given back: %v", body, err)
		}
		again, found := check("000123", string(back))
		if found != nil {
			t.Fatalf("%q came back as %q, which is refused: %v", body, back, found.Errors)
		}
		if diff := cmp.Diff(decoded, again); diff != "" {
			t.Fatalf("%q does not come back equal (-sent +back):\n%s", body, diff)
		}
	})
}

func TestFieldsOfAContactArePointersIntoTheDocument(t *testing.T) {
	for field, want := range map[string]string{
		"spec.contactID":                        "/Contact/ContactID",
		"spec.enrollments":                      "/Contact/Enrollments",
		"spec.enrollments[3]":                   "/Contact/Enrollments/3",
		"spec.enrollments[12].accessEndDate":    "/Contact/Enrollments/12/AccessEndDate",
		"spec.platformRef.name":                 "/Contact",
		"spec":                                  "/Contact",
		"":                                      "/Contact",
		"metadata.annotations":                  "/Contact",
		"spec.enrollments[0].somethingNew":      "/Contact",
		"spec.enrollments[0].courseCode.deeper": "/Contact",
	} {
		if got := pointerOf(field); got != want {
			t.Errorf("pointerOf(%q) = %q, want %q", field, got, want)
		}
	}
}
