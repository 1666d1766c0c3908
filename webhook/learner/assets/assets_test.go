package assets

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

const folder = "/gk/api/learner/assets/"

// get asks for a file of the folder, as a browser does that keeps a version of it.
func get(t *testing.T, method, name, kept string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequest(method, folder+name, nil)
	if kept != "" {
		request.Header.Set("If-None-Match", kept)
	}
	recorder := httptest.NewRecorder()
	Handler(folder).ServeHTTP(recorder, request)
	return recorder
}

// nameOfVersion is the name under which the script may be kept: its ETag says it.
func nameOfVersion(t *testing.T) string {
	t.Helper()
	return version(strings.Trim(get(t, http.MethodHead, stable, "").Header().Get("ETag"), `"`))
}

func TestTheScriptIsServedToPagesOfAnyOrigin(t *testing.T) {
	for _, name := range []string{stable, nameOfVersion(t)} {
		answer := get(t, http.MethodGet, name, "")
		if answer.Code != http.StatusOK {
			t.Fatalf("%s: got %d", name, answer.Code)
		}
		for header, want := range map[string]string{
			"Content-Type":                 "text/javascript; charset=utf-8",
			"Access-Control-Allow-Origin":  "*",
			"Cross-Origin-Resource-Policy": "cross-origin",
			"X-Content-Type-Options":       "nosniff",
		} {
			if got := answer.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		body := answer.Body.String()
		for _, element := range []string{"rollcall-mentor", "rollcall-support", "rollcall-courses"} {
			if !strings.Contains(body, `"`+element+`"`) {
				t.Errorf("%s: defines no <%s>", name, element)
			}
		}
	}
}

func TestTheStableNameIsRevalidated(t *testing.T) {
	first := get(t, http.MethodGet, stable, "")
	if got := first.Header().Get("Cache-Control"); got != "no-cache" {
		t.Errorf("Cache-Control is %q", got)
	}
	if again := get(t, http.MethodGet, stable, first.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("the version that is kept: got %d, want 304", again.Code)
	}
	if older := get(t, http.MethodGet, stable, `"0123456789abcdef"`); older.Code != http.StatusOK {
		t.Errorf("an older version is kept: got %d, want 200", older.Code)
	}
}

func TestTheNameOfAVersionIsKeptForGood(t *testing.T) {
	name := nameOfVersion(t)
	if !versions.MatchString(name) {
		t.Errorf("%q is not among the names of versions", name)
	}
	if got := get(t, http.MethodGet, name, "").Header().Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
		t.Errorf("Cache-Control is %q", got)
	}
}

func TestAnotherVersionLeadsToThisOne(t *testing.T) {
	answer := get(t, http.MethodGet, "rollcall.0123456789abcdef.js", "")
	if answer.Code != http.StatusTemporaryRedirect || answer.Header().Get("Location") != folder+stable {
		t.Errorf("got %d to %q", answer.Code, answer.Header().Get("Location"))
	}
	if got := answer.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q: the replica that has that version could not be asked again", got)
	}
	if got := answer.Header().Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("Access-Control-Allow-Origin is %q: browsers do not follow", got)
	}
}

func TestNothingElseIsThere(t *testing.T) {
	for _, name := range []string{"", "style.css", "texts/en.json", "rollcall.0123.js", "../assets/rollcall.js"} {
		if answer := get(t, http.MethodGet, name, ""); answer.Code != http.StatusNotFound {
			t.Errorf("%q: got %d, want 404", name, answer.Code)
		}
	}
	answer := get(t, http.MethodPost, stable, "")
	if answer.Code != http.StatusMethodNotAllowed || answer.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: got %d, Allow %q", answer.Code, answer.Header().Get("Allow"))
	}
}

var placeholders = regexp.MustCompile(`\{\w+\}`)

// Each language says all that English says, about the same things. What is countable has the forms that Intl.PluralRules
// chooses from, of which "other" is in every language.
func TestTranslationsAreComplete(t *testing.T) {
	said := map[string]map[string]any{}
	for _, file := range must(sources.ReadDir("texts")) {
		texts := map[string]any{}
		if err := json.Unmarshal(must(sources.ReadFile("texts/"+file.Name())), &texts); err != nil {
			t.Fatalf("%s: %v", file.Name(), err)
		}
		said[file.Name()] = texts
	}
	english := said["en.json"]
	for file, texts := range said {
		if got, want := slices.Sorted(maps.Keys(texts)), slices.Sorted(maps.Keys(english)); !slices.Equal(got, want) {
			t.Errorf("%s says %v, want %v", file, got, want)
		}
		for name, text := range texts {
			if got, want := valuesOf(text), valuesOf(english[name]); !slices.Equal(got, want) {
				t.Errorf("%s: %s has %v, want %v", file, name, got, want)
			}
		}
	}
}

// valuesOf gives what a text is about; nothing, if it is neither a text nor one with plural forms.
func valuesOf(text any) []string {
	if forms, ok := text.(map[string]any); ok {
		text = forms["other"]
	}
	sentence, ok := text.(string)
	if !ok {
		return nil
	}
	return append([]string{"text"}, slices.Sorted(slices.Values(placeholders.FindAllString(sentence, -1)))...)
}

func TestEveryFileIsPartOfTheScript(t *testing.T) {
	var files []string
	for _, file := range must(sources.ReadDir("script")) {
		files = append(files, strings.TrimSuffix(file.Name(), path.Ext(file.Name())))
	}
	if named := slices.Sorted(slices.Values(order)); !slices.Equal(files, named) {
		t.Errorf("the folder has %v, and the script is made of %v", files, named)
	}
}
