package ingest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/testenv"
	"rollcall.dev/rollcall/webhook/problem"
)

// asker asks the API server whether it would take a document, past everything that ingest checks.
func asker(t *testing.T) func(document) error {
	t.Helper()
	config := testenv.Config(t)
	scheme := runtime.NewScheme()
	must(t, v1alpha1.AddToScheme(scheme))
	api, err := client.New(config, client.Options{Scheme: scheme})
	must(t, err)
	namespace := testenv.Namespace(t, config)
	return func(d document) error {
		contact := &v1alpha1.Contact{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "asked"}, Spec: d.spec()}
		err := api.Create(context.Background(), contact, client.DryRunAll)
		if err != nil && !apierrors.IsInvalid(err) {
			t.Fatal(err)
		}
		return err
	}
}

func pointersOf(err error) (pointers []string) {
	if found, ok := errors.AsType[*problem.Problem](err); ok {
		for _, e := range found.Errors {
			pointers = append(pointers, e.Pointer)
		}
	}
	return pointers
}

func TestTheAPIServerTakesWhatIsAccepted(t *testing.T) {
	ask := asker(t)
	for name, body := range accepted {
		decoded, err := decode[document]([]byte(body))
		must(t, err)
		if err := ask(decoded); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Where both refuse a document, both point at the same attribute: it does not matter for the caller who looked first.
func TestTheAPIServerPointsWhereIngestPoints(t *testing.T) {
	ask := asker(t)
	asked := 0
	for name, test := range refusals {
		decoded, err := decode[document]([]byte(test.body))
		if err != nil || slices.ContainsFunc(test.errors, func(e string) bool { return strings.HasSuffix(e, " Missing") }) ||
			name == "ID not of the URL" || name == "end empty" { // a Contact knows no URL, and leaves out an end that is empty
			continue
		}
		asked++
		ours := pointersOf(decoded.validate("000123"))
		refusal := ask(decoded)
		if refusal == nil {
			t.Errorf("%s: the API server would take it", name)
			continue
		}
		for _, theirs := range pointersOf(refused(refusal)) {
			if !slices.ContainsFunc(ours, func(pointer string) bool { return strings.HasPrefix(pointer, theirs) }) {
				t.Errorf("%s: the API server's %s is none of %v: %v", name, theirs, ours, refusal)
			}
		}
	}
	if asked < 30 {
		t.Errorf("only %d documents were compared", asked)
	}
}

// Documents made at random: both say yes, or both say no.
func TestIngestAndTheAPIServerAgree(t *testing.T) {
	ask := asker(t)
	random := rand.New(rand.NewPCG(2017, 10))
	agreed := map[bool]int{}
	for range 1500 {
		d := nearAnEdge(random)
		ours, theirs := d.validate(*d.Contact.ContactID), ask(d)
		if (ours == nil) != (theirs == nil) {
			t.Errorf("%q, %q, %q, %+v:\ningest: %v\nAPI server: %v", *d.Contact.ContactID, *d.Contact.FirstName, *d.Contact.Email, d.spec().Enrollments, ours, theirs)
		}
		agreed[ours == nil]++
	}
	if agreed[true] < 200 || agreed[false] < 200 {
		t.Errorf("the documents are too much alike: %d accepted, %d refused", agreed[true], agreed[false])
	}
	t.Logf("%d accepted, %d refused", agreed[true], agreed[false])
}

// nearAnEdge makes a document at random, of everything that is near the edge of some rule.
func nearAnEdge(random *rand.Rand) document {
	of := func(pieces ...string) *string {
		var text strings.Builder
		for range 1 + random.IntN(3) {
			text.WriteString(pieces[random.IntN(len(pieces))])
		}
		return new(text.String())
	}
	code := func() *string {
		return of("a", "Z", "0", ".", "_", "-", "", "/", " ", "é", "\n", strings.Repeat("c", 62))
	}
	name := func() *string {
		return of("Joe", "é", "", " ", "<", ">", ":", "//", "\u0000", "\u0085", "\u00a0", "\u2028", "\u3000", "\u200b", "\ufeff", "👩‍🎓",
			strings.Repeat("n", 98))
	}
	email := func() *string {
		return of("a", "a@b.c", "@", ".", "b.c", "a@b", "-", "'", "+", " ", "é", ".c", strings.Repeat("e", 246))
	}
	date := func() *string {
		if random.IntN(3) > 0 {
			return new([]string{"2017-10-01", "2018-09-30", "2024-02-29", "2023-02-29", "0000-00-00", "0000-01-01", "9999-12-31",
				"10000-01-01", "2017-1-01", "2017-10-1 ", "+017-10-01", "2017-10-01Z", "٢٠١٧-10-01", ""}[random.IntN(14)])
		}
		return of("2017", "-", "10", "01", "-02-30")
	}
	d := document{Contact: &contact{ContactID: new("000123"), FirstName: new("Joe"), LastName: new("Smith"),
		Email: new("joe.smith@acme.com"), Enrollments: &[]enrollment{}}}
	switch random.IntN(4) { // one attribute at a time, or most would be wrong
	case 0:
		d.Contact.ContactID = code()
	case 1:
		d.Contact.FirstName = name()
	case 2:
		d.Contact.Email = email()
	case 3:
		for range random.IntN(4) {
			e := enrollment{CourseCode: of("a", "b"), AccessStartDate: new("2017-10-01")}
			switch random.IntN(4) {
			case 0:
				e.CourseCode = code()
			case 1:
				e.AccessStartDate = date()
			case 2:
				e.AccessEndDate = date()
				if *e.AccessEndDate == "" { // a Contact would leave it out
					e.AccessEndDate = nil
				}
			}
			*d.Contact.Enrollments = append(*d.Contact.Enrollments, e)
		}
	}
	return d
}
