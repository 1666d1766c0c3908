package v1alpha1

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// newCluster reaches a namespace of its own on a real API server.
func newCluster(t *testing.T) client.Client {
	t.Helper()
	config := testenv.Config(t)
	scheme := runtime.NewScheme()
	must(t, clientgoscheme.AddToScheme(scheme))
	must(t, AddToScheme(scheme))
	api, err := client.New(config, client.Options{Scheme: scheme, FieldValidation: metav1.FieldValidationStrict})
	must(t, err)
	return client.NewNamespacedClient(api, testenv.Namespace(t, config))
}

// Valid objects with nothing in them that is not required.

func platform() *LearningPlatform {
	return &LearningPlatform{
		ObjectMeta: metav1.ObjectMeta{Name: "default"},
		Spec:       LearningPlatformSpec{URL: "https://learn.example.com", CredentialsSecretRef: SecretReference{Name: "open-edx"}},
	}
}

func course() *Course {
	return &Course{
		ObjectMeta: metav1.ObjectMeta{Name: "1234a"},
		Spec:       CourseSpec{CourseCode: "1234A", CourseKey: "course-v1:GK+1234A+2017"},
	}
}

func contact() *Contact {
	return &Contact{
		ObjectMeta: metav1.ObjectMeta{Name: "000123"},
		Spec:       ContactSpec{ContactID: "000123", FirstName: "Joe", LastName: "Smith", Email: "joe.smith@acme.com"},
	}
}

func enrollment() *Enrollment {
	return &Enrollment{
		ObjectMeta: metav1.ObjectMeta{Name: "000123-1234a"},
		Spec:       EnrollmentSpec{ContactRef: ContactReference{Name: "000123"}, CourseCode: "1234A", AccessStartDate: "2017-10-01"},
	}
}

func mentor() *CourseMentor {
	return &CourseMentor{
		ObjectMeta: metav1.ObjectMeta{Name: "1234a"},
		Spec: CourseMentorSpec{
			CourseCode: "1234A", MentorProfile: MentorProfile{DisplayName: "Dana Wells", Email: "dana.wells@example.com"},
		},
	}
}

func deputy(start, end Date) DeputySpec {
	return DeputySpec{MentorProfile: MentorProfile{DisplayName: "Kim Park", Email: "kim@example.com"}, StartDate: start, EndDate: end}
}

func message() *LearnerMessage {
	return &LearnerMessage{
		ObjectMeta: metav1.ObjectMeta{Name: "000123-1"},
		Spec: LearnerMessageSpec{
			ContactRef: ContactReference{Name: "000123"}, Recipient: RecipientMentor, CourseCode: "1234A", Text: "Hello!\n\tMay I ask something?",
		},
	}
}

func TestWhatIsNotStatedHasADefault(t *testing.T) {
	c := newCluster(t)
	onDefault := PlatformReference{Name: "default"}
	retention := int32(30)

	aPlatform := platform()
	must(t, c.Create(context.Background(), aPlatform))
	want := platform().Spec
	want.AccountRoute, want.EnrollmentRoute = AccountRouteAuto, EnrollmentRouteAuto
	want.TimeZone, want.CallsPerMinute, want.MaxCallsInFlight, want.EndedEnrollmentRetentionDays = "UTC", 100, 4, &retention
	want.Mode, want.DriftPolicy, want.DriftIntervalMinutes = PlatformModeEnforce, DriftPolicyCorrect, 1440
	same(t, "LearningPlatform", want, aPlatform.Spec)

	aCourse := course()
	must(t, c.Create(context.Background(), aCourse))
	wantCourse := course().Spec
	wantCourse.PlatformRef = onDefault
	same(t, "Course", wantCourse, aCourse.Spec)

	aContact := contact()
	must(t, c.Create(context.Background(), aContact))
	wantContact := contact().Spec
	wantContact.PlatformRef, wantContact.DeletionPolicy = onDefault, DeletionWithdraw
	same(t, "Contact", wantContact, aContact.Spec)

	anEnrollment := enrollment()
	must(t, c.Create(context.Background(), anEnrollment))
	wantEnrollment := enrollment().Spec
	wantEnrollment.DeletionPolicy = DeletionWithdraw
	same(t, "Enrollment", wantEnrollment, anEnrollment.Spec)

	aMentor := mentor()
	must(t, c.Create(context.Background(), aMentor))
	wantMentor := mentor().Spec
	wantMentor.PlatformRef = onDefault
	same(t, "CourseMentor", wantMentor, aMentor.Spec)

	aMessage := message()
	must(t, c.Create(context.Background(), aMessage))
	wantMessage := message().Spec
	wantMessage.PlatformRef = onDefault
	same(t, "LearnerMessage", wantMessage, aMessage.Spec)

	toLearners := with(platform(), func(p *LearningPlatform) {
		p.Name = "with-learners"
		p.Spec.Learners.Mail = MailSpec{Host: "mail.example.com", From: "learn@example.com"}
	})
	must(t, c.Create(context.Background(), toLearners))
	ninety := int32(90)
	same(t, "LearningPlatform", LearnersSpec{
		JWTAudience: "openedx", MessageRetentionDays: &ninety,
		Mail: MailSpec{Host: "mail.example.com", Port: 587, Security: MailSecurityStartTLS, From: "learn@example.com"},
	}, toLearners.Spec.Learners)
}

// with gives an object after a change.
func with[T client.Object](object T, change func(T)) T {
	change(object)
	return object
}

// access gives a Contact with the given enrollments.
func access(list ...CourseAccess) *Contact {
	return with(contact(), func(c *Contact) { c.Spec.Enrollments = list })
}

func manyCourses(n int) []CourseAccess {
	list := make([]CourseAccess, n)
	for i := range list {
		list[i] = CourseAccess{CourseCode: fmt.Sprint(strings.Repeat("x", 60), i), AccessStartDate: "2017-10-01", AccessEndDate: "2018-09-30"}
	}
	return list
}

func TestWhatIsAccepted(t *testing.T) {
	c := newCluster(t)
	for name, object := range map[string]client.Object{
		"Contact with as many courses as allowed": access(manyCourses(1000)...),
		"Contact with longest names": with(contact(), func(c *Contact) {
			c.Spec.FirstName, c.Spec.LastName = strings.Repeat("ö", 100), strings.Repeat("語", 100)
		}),
		"Contact with access of one leap day":    access(CourseAccess{CourseCode: "1234A", AccessStartDate: "2024-02-29", AccessEndDate: "2024-02-29"}),
		"Contact with codes that differ in case": access(CourseAccess{CourseCode: "1234A", AccessStartDate: "2017-10-01"}, CourseAccess{CourseCode: "1234a", AccessStartDate: "2017-10-01"}),
		"Course with a mode":                     with(course(), func(c *Course) { c.Spec.Mode = "no-id-professional" }),
		"Course with an odd key":                 with(course(), func(c *Course) { c.Spec.CourseKey = "course-v1:G.K~-:_+1234A+2017_T1" }),
		"LearningPlatform with a port":           with(platform(), func(p *LearningPlatform) { p.Spec.URL = "http://127.0.0.1:18000" }),
		"LearningPlatform with all set": with(platform(), func(p *LearningPlatform) {
			p.Spec.TimeZone, p.Spec.CallsPerMinute, p.Spec.EndedEnrollmentRetentionDays = "America/Argentina/Buenos_Aires", 100000, new(int32)
			p.Spec.AccountRoute, p.Spec.EnrollmentRoute = AccountRouteRegistration, EnrollmentRouteSingle
		}),
		"LearningPlatform with an odd port": with(platform(), func(p *LearningPlatform) {
			p.Spec.Learners.AllowedOrigins = []string{"https://apps.example.com:8443", "http://localhost:1999"}
		}),
		"CourseMentor with an odd photo": &CourseMentor{ObjectMeta: contact().ObjectMeta, Spec: CourseMentorSpec{CourseCode: "1234A",
			MentorProfile: MentorProfile{DisplayName: "Dana Wells", Email: "dana@example.com", PhotoURL: "https://example.com/dana@2x.jpg?at=@"}}},
		"CourseMentor with a deputy on their first day": with(mentor(), func(m *CourseMentor) {
			m.Spec.StartDate, m.Spec.EndDate, m.Spec.Deputy = "2026-02-01", "2026-02-28", deputy("2026-01-01", "2026-02-01")
		}),
		"CourseMentor with a deputy from their last day on": with(mentor(), func(m *CourseMentor) {
			m.Spec.StartDate, m.Spec.EndDate, m.Spec.Deputy = "2026-02-01", "2026-02-28", deputy("2026-02-28", "")
		}),
		"Enrollment with an end": with(enrollment(), func(e *Enrollment) { e.Spec.AccessEndDate = "2017-10-01" }),
	} {
		if err := c.Create(context.Background(), object, client.DryRunAll); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	c := newCluster(t)
	const (
		required  = "Required value"
		invalidAs = "should match '^[A-Za-z0-9._-]+$'"
		badName   = "must not begin or end with white space or contain <, >, :// or control characters"
		onlyHost  = "must have no path, no query and no user: give scheme and host only"
		badOrder  = "accessEndDate must not be before accessStartDate"
	)
	long := strings.Repeat("x", 65)
	inContact := func(change func(*ContactSpec)) *Contact {
		return with(contact(), func(c *Contact) { change(&c.Spec) })
	}
	inCourse := func(change func(*CourseSpec)) *Course {
		return with(course(), func(c *Course) { change(&c.Spec) })
	}
	inPlatform := func(change func(*LearningPlatformSpec)) *LearningPlatform {
		return with(platform(), func(p *LearningPlatform) { change(&p.Spec) })
	}
	inEnrollment := func(change func(*EnrollmentSpec)) *Enrollment {
		return with(enrollment(), func(e *Enrollment) { change(&e.Spec) })
	}
	inMentor := func(change func(*CourseMentorSpec)) *CourseMentor {
		return with(mentor(), func(m *CourseMentor) { change(&m.Spec) })
	}
	inLearners := func(change func(*LearnersSpec)) *LearningPlatform {
		return with(platform(), func(p *LearningPlatform) { change(&p.Spec.Learners) })
	}
	inMail := func(change func(*MailSpec)) *LearningPlatform {
		return inLearners(func(l *LearnersSpec) {
			l.Mail = MailSpec{Host: "mail.example.com", From: "learn@example.com"}
			change(&l.Mail)
		})
	}
	inHours := func(zone string, hours ...OfficeHour) *CourseMentor {
		return inMentor(func(s *CourseMentorSpec) { s.OfficeHours = OfficeHours{TimeZone: zone, Hours: hours} })
	}
	inDeputy := func(change func(*DeputySpec)) *CourseMentor {
		return inMentor(func(s *CourseMentorSpec) {
			s.Deputy = deputy("2026-12-24", "")
			change(&s.Deputy)
		})
	}
	inMessage := func(change func(*LearnerMessageSpec)) *LearnerMessage {
		return with(message(), func(m *LearnerMessage) { change(&m.Spec) })
	}
	monday := []Weekday{"Mon"}
	day := func(start, end Date) *Contact {
		return access(CourseAccess{CourseCode: "1234A", AccessStartDate: start, AccessEndDate: end})
	}

	for name, test := range map[string]struct {
		object         client.Object
		field, message string
	}{
		"Contact without an ID":           {inContact(func(s *ContactSpec) { s.ContactID = "" }), "spec.contactID", required},
		"Contact with a long ID":          {inContact(func(s *ContactSpec) { s.ContactID = long }), "spec.contactID", "may not be more than 64"},
		"Contact with dots for an ID":     {inContact(func(s *ContactSpec) { s.ContactID = ".." }), "spec.contactID", "must be more than one or two dots"},
		"Contact with a slash in its ID":  {inContact(func(s *ContactSpec) { s.ContactID = "a/b" }), "spec.contactID", invalidAs},
		"Contact without a first name":    {inContact(func(s *ContactSpec) { s.FirstName = "" }), "spec.firstName", required},
		"Contact with a long first name":  {inContact(func(s *ContactSpec) { s.FirstName = strings.Repeat("ö", 101) }), "spec.firstName", "may not be more than 100"},
		"Contact with markup in its name": {inContact(func(s *ContactSpec) { s.FirstName = "<b>Joe" }), "spec.firstName", badName},
		"Contact with a URL as a name":    {inContact(func(s *ContactSpec) { s.LastName = "http://x" }), "spec.lastName", badName},
		"Contact with a space at the end": {inContact(func(s *ContactSpec) { s.LastName = "Smith\u00a0" }), "spec.lastName", badName},
		"Contact with a line break":       {inContact(func(s *ContactSpec) { s.LastName = "Smith\nJr." }), "spec.lastName", badName},
		"Contact without an e-mail":       {inContact(func(s *ContactSpec) { s.Email = "" }), "spec.email", required},
		"Contact with no e-mail":          {inContact(func(s *ContactSpec) { s.Email = "joe.smith" }), "spec.email", "should match"},
		"Contact with a local e-mail":     {inContact(func(s *ContactSpec) { s.Email = "joe@localhost" }), "spec.email", "should match"},
		"Contact with two e-mails":        {inContact(func(s *ContactSpec) { s.Email = "a@b.cc,c@d.ee" }), "spec.email", "should match"},
		"Contact with a long e-mail":      {inContact(func(s *ContactSpec) { s.Email = strings.Repeat("j", 246) + "@acme.com" }), "spec.email", "may not be more than 254"},
		"Contact with another policy":     {inContact(func(s *ContactSpec) { s.DeletionPolicy = "Delete" }), "spec.deletionPolicy", `supported values: "Withdraw", "Orphan", "Deactivate"`},
		"access without a code":           {access(CourseAccess{AccessStartDate: "2017-10-01"}), "spec.enrollments[0].courseCode", required},
		"access with a code of a dot":     {access(CourseAccess{CourseCode: ".", AccessStartDate: "2017-10-01"}), "spec.enrollments[0].courseCode", "must be more than one or two dots"},
		"access with a bad code":          {access(CourseAccess{CourseCode: "12 34", AccessStartDate: "2017-10-01"}), "spec.enrollments[0].courseCode", invalidAs},
		"access without a start":          {day("", ""), "spec.enrollments[0].accessStartDate", required},
		"access from no such day":         {day("2017-02-30", ""), "spec.enrollments[0].accessStartDate", "must be of type date"},
		"access from a time":              {day("2017-10-01T00:00:00Z", ""), "spec.enrollments[0].accessStartDate", "may not be more than 10"},
		"access until no such day":        {day("2017-10-01", "2018-13-01"), "spec.enrollments[0].accessEndDate", "must be of type date"},
		"access until before it begins":   {day("2017-10-01", "2017-09-30"), "spec.enrollments[0].accessEndDate", badOrder},
		"access twice": {access(CourseAccess{CourseCode: "a", AccessStartDate: "2017-10-01"}, CourseAccess{CourseCode: "b", AccessStartDate: "2017-10-01"},
			CourseAccess{CourseCode: "a", AccessStartDate: "2018-10-01"}), "spec.enrollments[2]", "Duplicate value"},
		"access to too much": {access(manyCourses(1001)...), "spec.enrollments", "must have at most 1000 items"},

		"Course with a code of a dot": {inCourse(func(s *CourseSpec) { s.CourseCode = "." }), "spec.courseCode", "must be more than one or two dots"},
		"Course without a code":       {inCourse(func(s *CourseSpec) { s.CourseCode = "" }), "spec.courseCode", required},
		"Course with a bad code":      {inCourse(func(s *CourseSpec) { s.CourseCode = "1234+A" }), "spec.courseCode", invalidAs},
		"Course without a key":        {inCourse(func(s *CourseSpec) { s.CourseKey = "" }), "spec.courseKey", required},
		"Course with an old key":      {inCourse(func(s *CourseSpec) { s.CourseKey = "GK/1234A/2017_T1" }), "spec.courseKey", "should match"},
		"Course with half a key":      {inCourse(func(s *CourseSpec) { s.CourseKey = "course-v1:GK+1234A" }), "spec.courseKey", "should match"},
		"Course with too much of one": {inCourse(func(s *CourseSpec) { s.CourseKey = "course-v1:GK+1234A+2017+x" }), "spec.courseKey", "should match"},
		"Course with a space in it":   {inCourse(func(s *CourseSpec) { s.CourseKey = "course-v1:GK+1234 A+2017" }), "spec.courseKey", "should match"},
		"Course with a loud mode":     {inCourse(func(s *CourseSpec) { s.Mode = "AUDIT" }), "spec.mode", "should match"},

		"LearningPlatform without a URL":      {inPlatform(func(s *LearningPlatformSpec) { s.URL = "" }), "spec.url", required},
		"LearningPlatform with a host only":   {inPlatform(func(s *LearningPlatformSpec) { s.URL = "learn.example.com" }), "spec.url", "must be an absolute http or https URL"},
		"LearningPlatform with no host":       {inPlatform(func(s *LearningPlatformSpec) { s.URL = "https://:443" }), "spec.url", "must be an absolute http or https URL"},
		"LearningPlatform by FTP":             {inPlatform(func(s *LearningPlatformSpec) { s.URL = "ftp://learn.example.com" }), "spec.url", "must be an absolute http or https URL"},
		"LearningPlatform with a path":        {inPlatform(func(s *LearningPlatformSpec) { s.URL += "/lms" }), "spec.url", onlyHost},
		"LearningPlatform with a slash":       {inPlatform(func(s *LearningPlatformSpec) { s.URL += "/" }), "spec.url", onlyHost},
		"LearningPlatform with a query":       {inPlatform(func(s *LearningPlatformSpec) { s.URL += "?a=b" }), "spec.url", onlyHost},
		"LearningPlatform with a bare query":  {inPlatform(func(s *LearningPlatformSpec) { s.URL += "?" }), "spec.url", onlyHost},
		"LearningPlatform with a fragment":    {inPlatform(func(s *LearningPlatformSpec) { s.URL += "#a" }), "spec.url", "must be an absolute http or https URL"},
		"LearningPlatform with a password":    {inPlatform(func(s *LearningPlatformSpec) { s.URL = "https://a:b@learn.example.com" }), "spec.url", onlyHost},
		"LearningPlatform without a Secret":   {inPlatform(func(s *LearningPlatformSpec) { s.CredentialsSecretRef.Name = "" }), "spec.credentialsSecretRef", required},
		"LearningPlatform with another route": {inPlatform(func(s *LearningPlatformSpec) { s.AccountRoute = "Magic" }), "spec.accountRoute", `supported values: "Auto", "EoxCore", "Registration", "FirstLogin"`},
		"LearningPlatform with no such route": {inPlatform(func(s *LearningPlatformSpec) { s.EnrollmentRoute = "Magic" }), "spec.enrollmentRoute", `supported values: "Auto", "EoxCore", "Bulk", "Single"`},
		"LearningPlatform in bulk":            {inPlatform(func(s *LearningPlatformSpec) { s.EnrollmentRoute = EnrollmentRouteBulk }), "spec.enrollmentRoute", "needs enrollPastCapacity true"},
		"LearningPlatform in bulk if it may": {inPlatform(func(s *LearningPlatformSpec) {
			s.EnrollmentRoute, s.EnrollPastCapacity = EnrollmentRouteBulk, new(bool)
		}), "spec.enrollmentRoute", "needs enrollPastCapacity true"},
		"LearningPlatform with a bad zone":      {inPlatform(func(s *LearningPlatformSpec) { s.TimeZone = "Europe / Berlin" }), "spec.timeZone", "should match"},
		"LearningPlatform with a path zone":     {inPlatform(func(s *LearningPlatformSpec) { s.TimeZone = "../etc/passwd" }), "spec.timeZone", "should match"},
		"LearningPlatform with the host's zone": {inPlatform(func(s *LearningPlatformSpec) { s.TimeZone = "Local" }), "spec.timeZone", "must name a zone of the IANA database"},
		"LearningPlatform with no budget":       {inPlatform(func(s *LearningPlatformSpec) { s.CallsPerMinute = -1 }), "spec.callsPerMinute", "should be greater than or equal to 1"},
		"LearningPlatform with any budget":      {inPlatform(func(s *LearningPlatformSpec) { s.CallsPerMinute = 100001 }), "spec.callsPerMinute", "should be less than or equal to 100000"},
		"LearningPlatform in another mode":      {inPlatform(func(s *LearningPlatformSpec) { s.Mode = "DryRun" }), "spec.mode", `supported values: "Enforce", "Observe"`},
		"LearningPlatform with much in flight":  {inPlatform(func(s *LearningPlatformSpec) { s.MaxCallsInFlight = 65 }), "spec.maxCallsInFlight", "should be less than or equal to 64"},
		"LearningPlatform with another drift":   {inPlatform(func(s *LearningPlatformSpec) { s.DriftPolicy = "Ignore" }), "spec.driftPolicy", `supported values: "Correct", "Report", "Off"`},
		"LearningPlatform that always sweeps":   {inPlatform(func(s *LearningPlatformSpec) { s.DriftIntervalMinutes = -1 }), "spec.driftIntervalMinutes", "should be greater than or equal to 1"},
		"LearningPlatform over all percents":    {inPlatform(func(s *LearningPlatformSpec) { s.Safety.MaxWithdrawalPercentPerHour = new(int32(101)) }), "spec.safety.maxWithdrawalPercentPerHour", "should be less than or equal to 100"},
		"LearningPlatform kept backwards":       {inPlatform(func(s *LearningPlatformSpec) { s.EndedEnrollmentRetentionDays = new(int32(-1)) }), "spec.endedEnrollmentRetentionDays", "should be greater than or equal to 0"},

		"Enrollment of nobody":           {inEnrollment(func(s *EnrollmentSpec) { s.ContactRef.Name = "" }), "spec.contactRef", required},
		"Enrollment in nothing":          {inEnrollment(func(s *EnrollmentSpec) { s.CourseCode = "" }), "spec.courseCode", required},
		"Enrollment with a code of dots": {inEnrollment(func(s *EnrollmentSpec) { s.CourseCode = ".." }), "spec.courseCode", "must be more than one or two dots"},
		"Enrollment with a bad code":     {inEnrollment(func(s *EnrollmentSpec) { s.CourseCode = "ü" }), "spec.courseCode", invalidAs},
		"Enrollment from no such day":    {inEnrollment(func(s *EnrollmentSpec) { s.AccessStartDate = "2023-02-29" }), "spec.accessStartDate", "must be of type date"},
		"Enrollment until it was over":   {inEnrollment(func(s *EnrollmentSpec) { s.AccessEndDate = "2017-09-30" }), "spec.accessEndDate", badOrder},
		"Enrollment with another policy": {inEnrollment(func(s *EnrollmentSpec) { s.DeletionPolicy = "Keep" }), "spec.deletionPolicy", "supported values"},

		"Enrollment with an account": {inEnrollment(func(s *EnrollmentSpec) { s.DeletionPolicy = DeletionDeactivate }), "spec.deletionPolicy", "must be Withdraw or Orphan: an account is the Contact's"},

		"CourseMentor of a dot":          {inMentor(func(s *CourseMentorSpec) { s.CourseCode = "." }), "spec.courseCode", "must be more than one or two dots"},
		"CourseMentor of nothing":        {inMentor(func(s *CourseMentorSpec) { s.CourseCode = "" }), "spec.courseCode", required},
		"CourseMentor with a bad code":   {inMentor(func(s *CourseMentorSpec) { s.CourseCode = "a b" }), "spec.courseCode", invalidAs},
		"CourseMentor without a name":    {inMentor(func(s *CourseMentorSpec) { s.DisplayName = "" }), "spec.displayName", required},
		"CourseMentor with a long name":  {inMentor(func(s *CourseMentorSpec) { s.DisplayName = strings.Repeat("x", 201) }), "spec.displayName", "may not be more than 200"},
		"CourseMentor with a bad e-mail": {inMentor(func(s *CourseMentorSpec) { s.Email = "Dana <dana@example.com>" }), "spec.email", "should match"},
		"CourseMentor without an e-mail": {inMentor(func(s *CourseMentorSpec) { s.Email = "" }), "spec.email", "must be given either here or by emailFrom"},
		"CourseMentor with two e-mails": {inMentor(func(s *CourseMentorSpec) {
			s.EmailFrom.ConfigMapKeyRef = ConfigMapKeyReference{Name: "mentors", Key: "dana"}
		}), "spec.email", "must be given either here or by emailFrom"},
		"CourseMentor with an e-mail from anywhere": {inMentor(func(s *CourseMentorSpec) {
			s.Email, s.EmailFrom.ConfigMapKeyRef = "", ConfigMapKeyReference{Name: "mentors", Key: "a/b"}
		}), "spec.emailFrom.configMapKeyRef.key", "should match"},
		"CourseMentor with an open photo":       {inMentor(func(s *CourseMentorSpec) { s.PhotoURL = "http://example.com/dana.jpg" }), "spec.photoURL", "must be an absolute https URL"},
		"CourseMentor with a photo of a user's": {inMentor(func(s *CourseMentorSpec) { s.PhotoURL = "https://dana@example.com/dana.jpg" }), "spec.photoURL", "must be an absolute https URL"},
		"CourseMentor with a script for one":    {inMentor(func(s *CourseMentorSpec) { s.PhotoURL = "javascript:alert(1)" }), "spec.photoURL", "must be an absolute https URL"},
		"CourseMentor with a long story":        {inMentor(func(s *CourseMentorSpec) { s.Biography = strings.Repeat("x", 1001) }), "spec.biography", "may not be more than 1000"},
		"CourseMentor with no language":         {inMentor(func(s *CourseMentorSpec) { s.Languages = []string{"en_US"} }), "spec.languages[0]", "should match"},
		"CourseMentor with hours of no day":     {inHours("Europe/Berlin", OfficeHour{From: "09:00", Until: "10:00"}), "spec.officeHours.hours[0].days", required},
		"CourseMentor with a day of its own":    {inHours("Europe/Berlin", OfficeHour{Days: []Weekday{"Monday"}, From: "09:00", Until: "10:00"}), "spec.officeHours.hours[0].days[0]", "supported values"},
		"CourseMentor with hours over midnight": {inHours("Europe/Berlin", OfficeHour{Days: monday, From: "22:00", Until: "02:00"}), "spec.officeHours.hours[0].until", "must be after from"},
		"CourseMentor with hours beyond a day":  {inHours("Europe/Berlin", OfficeHour{Days: monday, From: "22:00", Until: "24:30"}), "spec.officeHours.hours[0].until", "should match"},
		"CourseMentor with hours in no zone":    {inHours("Local", OfficeHour{Days: monday, From: "09:00", Until: "10:00"}), "spec.officeHours.timeZone", "must name a zone of the IANA database"},
		"CourseMentor until it was over": {inMentor(func(s *CourseMentorSpec) {
			s.StartDate, s.EndDate = "2026-02-01", "2026-01-31"
		}), "spec.endDate", "endDate must not be before startDate"},
		"CourseMentor's deputy until it was over": {inDeputy(func(d *DeputySpec) { d.EndDate = "2026-12-23" }), "spec.deputy.endDate", "endDate must not be before startDate"},
		"CourseMentor's deputy before their days": {inMentor(func(s *CourseMentorSpec) {
			s.StartDate, s.Deputy = "2026-02-01", deputy("2026-01-01", "2026-01-31")
		}), "spec.deputy", "must have a day in common"},
		"CourseMentor's deputy after their days": {inMentor(func(s *CourseMentorSpec) {
			s.EndDate, s.Deputy = "2026-01-31", deputy("2026-02-01", "")
		}), "spec.deputy", "must have a day in common"},
		"CourseMentor's deputy from no day":         {inDeputy(func(d *DeputySpec) { d.StartDate = "" }), "spec.deputy.startDate", required},
		"CourseMentor's deputy without an e-mail":   {inDeputy(func(d *DeputySpec) { d.Email = "" }), "spec.deputy.email", "must be given either here or by emailFrom"},
		"learners from a page":                      {inLearners(func(l *LearnersSpec) { l.AllowedOrigins = []string{"https://apps.example.com/learning"} }), "spec.learners.allowedOrigins[0]", "must be an origin as browsers send it"},
		"learners from a loud host":                 {inLearners(func(l *LearnersSpec) { l.AllowedOrigins = []string{"https://Apps.example.com"} }), "spec.learners.allowedOrigins[0]", "must be an origin as browsers send it"},
		"learners from the usual port":              {inLearners(func(l *LearnersSpec) { l.AllowedOrigins = []string{"https://apps.example.com:443"} }), "spec.learners.allowedOrigins[0]", "must be an origin as browsers send it"},
		"learners from anywhere":                    {inLearners(func(l *LearnersSpec) { l.AllowedOrigins = []string{"https://*"} }), "spec.learners.allowedOrigins[0]", "must be an origin as browsers send it"},
		"learners by another provider":              {inLearners(func(l *LearnersSpec) { l.SSOProviderID = "keycloak" }), "spec.learners.ssoProviderID", "should match"},
		"learners by an identity server of no host": {inLearners(func(l *LearnersSpec) { l.IdentityServer = IdentityServer{Issuer: "https:///x", Audience: "a"} }), "spec.learners.identityServer.issuer", "must be an absolute http or https URL"},
		"learners by tokens for anybody":            {inLearners(func(l *LearnersSpec) { l.IdentityServer = IdentityServer{Issuer: "https://id.example.com"} }), "spec.learners.identityServer.audience", required},
		"support without an address":                {inLearners(func(l *LearnersSpec) { l.Support = SupportSpec{DisplayName: "Support"} }), "spec.learners.support.email", required},
		"mail from nobody":                          {inMail(func(m *MailSpec) { m.From = "" }), "spec.learners.mail.from", required},
		"mail to a URL":                             {inMail(func(m *MailSpec) { m.Host = "smtp://mail" }), "spec.learners.mail.host", "should match"},
		"mail with an open password": {inMail(func(m *MailSpec) {
			m.Security, m.CredentialsSecretRef.Name = MailSecurityNone, "mail"
		}), "spec.learners.mail.credentialsSecretRef", "must not be sent unencrypted"},

		"LearnerMessage to no course's mentor":  {inMessage(func(s *LearnerMessageSpec) { s.CourseCode = "" }), "spec.courseCode", "must name the course of a message to a mentor"},
		"LearnerMessage to a course's support":  {inMessage(func(s *LearnerMessageSpec) { s.Recipient = RecipientSupport }), "spec.courseCode", "only of such a one"},
		"LearnerMessage to everybody":           {inMessage(func(s *LearnerMessageSpec) { s.Recipient = "All" }), "spec.recipient", "supported values"},
		"LearnerMessage of nothing":             {inMessage(func(s *LearnerMessageSpec) { s.Text = "" }), "spec.text", required},
		"LearnerMessage of too much":            {inMessage(func(s *LearnerMessageSpec) { s.Text = strings.Repeat("ö", 5001) }), "spec.text", "may not be more than 5000"},
		"LearnerMessage with a bell":            {inMessage(func(s *LearnerMessageSpec) { s.Text = "Hello\a" }), "spec.text", "must be plain text"},
		"LearnerMessage with a header":          {inMessage(func(s *LearnerMessageSpec) { s.Subject = "Hello\r\nBcc: all@example.com" }), "spec.subject", "must be one line"},
		"LearnerMessage with a long subject":    {inMessage(func(s *LearnerMessageSpec) { s.Subject = strings.Repeat("x", 201) }), "spec.subject", "may not be more than 200"},
		"LearnerMessage of nobody":              {inMessage(func(s *LearnerMessageSpec) { s.ContactRef.Name = "" }), "spec.contactRef", required},
		"LearnerMessage of a course of one dot": {inMessage(func(s *LearnerMessageSpec) { s.CourseCode = "." }), "spec.courseCode", "must be more than one or two dots"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, c.Create(context.Background(), test.object, client.DryRunAll), test.field, test.message)
		})
	}
}

func TestWhatCannotChange(t *testing.T) {
	c := newCluster(t)
	elsewhere := PlatformReference{Name: "second"}
	for name, test := range map[string]struct {
		before, after  client.Object
		field, message string
	}{
		"Contact's ID":            {contact(), with(contact(), func(c *Contact) { c.Spec.ContactID = "000124" }), "spec.contactID", "is immutable: another learner is another Contact"},
		"Contact's platform":      {contact(), with(contact(), func(c *Contact) { c.Spec.PlatformRef = elsewhere }), "spec.platformRef", "is immutable: delete the Contact and create it again"},
		"Course's code":           {course(), with(course(), func(c *Course) { c.Spec.CourseCode = "1235A" }), "spec.courseCode", "is immutable: create another Course instead"},
		"Course's platform":       {course(), with(course(), func(c *Course) { c.Spec.PlatformRef = elsewhere }), "spec.platformRef", "is immutable: create another Course instead"},
		"Enrollment's contact":    {enrollment(), with(enrollment(), func(e *Enrollment) { e.Spec.ContactRef.Name = "000124" }), "spec.contactRef", "is immutable: another learner is another Enrollment"},
		"Enrollment's course":     {enrollment(), with(enrollment(), func(e *Enrollment) { e.Spec.CourseCode = "1235A" }), "spec.courseCode", "is immutable: another course is another Enrollment"},
		"CourseMentor's course":   {mentor(), with(mentor(), func(m *CourseMentor) { m.Spec.CourseCode = "1235A" }), "spec.courseCode", "is immutable: create another CourseMentor instead"},
		"LearnerMessage's text":   {message(), with(message(), func(m *LearnerMessage) { m.Spec.Text = "Something else" }), "spec", "is immutable: a message is as it was written"},
		"CourseMentor's platform": {mentor(), with(mentor(), func(m *CourseMentor) { m.Spec.PlatformRef = elsewhere }), "spec.platformRef", "is immutable: create another CourseMentor instead"},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, client.IgnoreAlreadyExists(c.Create(context.Background(), test.before)))
			must(t, c.Get(context.Background(), client.ObjectKeyFromObject(test.before), test.before))
			test.after.SetResourceVersion(test.before.GetResourceVersion())
			refused(t, c.Update(context.Background(), test.after, client.DryRunAll), test.field, test.message)
		})
	}
}

func TestWhatAStatusCannotSay(t *testing.T) {
	c := newCluster(t)
	stored := contact()
	must(t, c.Create(context.Background(), stored))
	for name, test := range map[string]struct {
		status         ContactStatus
		field, message string
	}{
		"made in another way": {ContactStatus{Learner: LearnerStatus{Username: "joe", ProvisionedBy: "Magic"}}, "status.learner.provisionedBy", "supported values"},
		"no username":         {ContactStatus{Learner: LearnerStatus{ProvisionedBy: ProvisionedByAdoption}}, "status.learner.username", "Required value"},
		"a short digest":      {ContactStatus{Document: DocumentStatus{Digest: "abc"}}, "status.document.digest", "should be at least 64 chars long"},
		"a class of its own": {ContactStatus{Attempts: &Attempts{Count: 1, LastTime: metav1.Now(), LastError: AttemptError{Class: "Odd", Reason: "X", Message: "x"}}},
			"status.attempts.lastError.class", "supported values"},
	} {
		t.Run(name, func(t *testing.T) {
			said := stored.DeepCopy()
			said.Status = test.status
			refused(t, c.Status().Update(context.Background(), said, client.DryRunAll), test.field, test.message)
		})
	}
}

// refused checks that an error is the API server's about a field.
func refused(t *testing.T, err error, field, message string) {
	t.Helper()
	if !apierrors.IsInvalid(err) {
		t.Fatalf("got %v, want that %s is invalid", err, field)
	}
	status, _ := err.(apierrors.APIStatus)
	for _, cause := range status.Status().Details.Causes {
		if cause.Field == field && strings.Contains(cause.Message, message) {
			return
		}
	}
	t.Errorf("%v\nwant %s: ...%s...", err, field, message)
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
