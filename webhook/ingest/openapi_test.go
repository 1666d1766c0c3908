package ingest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/pb33f/libopenapi/orderedmap"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/problem"
)

const descriptionPath = "/gk/api/openapi.json"

func contractOf(t testing.TB) *contract {
	t.Helper()
	c, err := described()
	must(t, err)
	return c
}

func TestTheDescriptionIsOpenAPI(t *testing.T) {
	if _, found := contractOf(t).requests.ValidateDocument(); len(found) > 0 {
		t.Error(differing("the description is no OpenAPI document", found))
	}
}

func TestTheDescriptionIsServedToAnybody(t *testing.T) {
	d := open(t)
	anybody := func(method string, header http.Header) answer {
		t.Helper()
		header.Set("Content-Type", "") // there is no body
		return d.send(request{method: method, path: descriptionPath, token: new(""), header: header})
	}
	got := anybody("GET", http.Header{})
	if got.status != http.StatusOK || !strings.Contains(got.body, `"openapi":"3.1.0"`) || !strings.Contains(got.body, `"url":"/gk/api"`) ||
		!strings.Contains(got.body, `"maximum":9223372036854775807`) {
		t.Fatalf("GET = %d %.500s", got.status, got.body)
	}
	tag := got.header.Get("ETag")
	for _, known := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		if a := anybody("GET", http.Header{"If-None-Match": {known}}); a.status != http.StatusNotModified || a.header.Get("ETag") != tag {
			t.Errorf("GET with If-None-Match: %s = %d %v, want 304", known, a.status, a.header)
		}
	}
	if a := anybody("GET", http.Header{"If-None-Match": {`"other"`}}); a.status != http.StatusOK {
		t.Errorf("GET with If-None-Match: \"other\" = %d, want 200", a.status)
	}
	if a := anybody("HEAD", http.Header{}); a.status != http.StatusOK || a.header.Get("ETag") != tag {
		t.Errorf("HEAD = %d %v", a.status, a.header)
	}
	for _, method := range []string{"PUT", "POST", "DELETE", "OPTIONS"} {
		if a := anybody(method, http.Header{}); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s = %d, Allow: %q; want 405", method, a.status, a.header.Get("Allow"))
		}
	}
}

func TestTheDescriptionSaysWhereTheAPIIs(t *testing.T) {
	tags := map[string]bool{}
	for _, prefix := range []string{"/gk/api", "/elsewhere/v2"} {
		served, err := doors.Describe(openAPI, prefix)
		must(t, err)
		var members struct {
			Servers []struct{ URL string }
		}
		must(t, json.Unmarshal(served.Body, &members))
		if len(members.Servers) != 1 || members.Servers[0].URL != prefix {
			t.Errorf("the servers are %v, want %s", members.Servers, prefix)
		}
		tags[served.ETag] = true
	}
	if len(tags) != 2 {
		t.Error("two descriptions have one ETag")
	}
}

// Every example goes through the contract as if it had been sent: requests by a client, answers by the door.
func TestEveryExampleIsAsDescribed(t *testing.T) {
	c := contractOf(t)
	checked := 0
	for path, item := range c.model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			r := request{method: strings.ToUpper(method), path: defaultPathPrefix + path}
			header := http.Header{"Authorization": {"Bearer TOKEN"}}
			query := ""
			for _, parameter := range append(item.Parameters, operation.Parameters...) {
				if parameter.Example == nil {
					t.Errorf("%s %s: the parameter %s has no example", method, path, parameter.Name)
					continue
				}
				switch parameter.In {
				case "path":
					r.path = strings.ReplaceAll(r.path, "{"+parameter.Name+"}", parameter.Example.Value)
				case "query":
					query = "?" + parameter.Name + "=" + parameter.Example.Value
				case "header":
					header.Set(parameter.Name, parameter.Example.Value)
				}
			}
			if operation.RequestBody == nil {
				sent, err := sentAs(request{method: r.method, path: r.path + query}, header)
				must(t, err)
				if err := c.judgeRequest(sent); err != nil {
					t.Error(err)
				}
			} else {
				for mediaType, body := range operation.RequestBody.Content.FromOldest() {
					header.Set("Content-Type", mediaType)
					for name, text := range examplesOf(t, body) {
						sent, err := sentAs(request{method: r.method, path: r.path + query, body: text}, header)
						must(t, err)
						if err := c.judgeRequest(sent); err != nil {
							t.Errorf("example %s: %v", name, err)
						}
						checked++
					}
				}
			}
			sent, err := sentAs(r, header)
			must(t, err)
			for status, response := range operation.Responses.Codes.FromOldest() {
				a := answer{header: http.Header{}}
				a.status, err = strconv.Atoi(status)
				must(t, err)
				for name, described := range response.Headers.FromOldest() {
					if described.Example == nil {
						t.Errorf("%s %s, %s: the header %s has no example", method, path, status, name)
						continue
					}
					a.header.Set(name, described.Example.Value)
				}
				if orderedmap.Len(response.Content) == 0 {
					if err := c.judgeAnswer(sent, a); err != nil {
						t.Error(err)
					}
				}
				for mediaType, body := range response.Content.FromOldest() {
					if mediaType == "text/html" && r.method != http.MethodGet {
						continue // what others share with GET
					}
					a.header.Set("Content-Type", mediaType)
					for name, text := range examplesOf(t, body) {
						a.body = text
						if err := c.judgeAnswer(sent, a); err != nil {
							t.Errorf("example %s: %v", name, err)
						}
						checked++
					}
				}
			}
		}
	}
	if checked < 50 {
		t.Errorf("there are only %d examples", checked)
	}
}

// examplesOf gives the examples of a body as they would be sent.
func examplesOf(t *testing.T, body *v3.MediaType) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for name, example := range body.Examples.FromOldest() {
		texts[name] = asSent(t, example.Value)
	}
	if len(texts) == 0 {
		t.Error("a body has no example")
	}
	return texts
}

func asSent(t *testing.T, value *yaml.Node) string {
	t.Helper()
	if value.Kind == yaml.ScalarNode { // what is no JSON is there as text
		return value.Value
	}
	var decoded any
	must(t, value.Decode(&decoded))
	text, err := json.Marshal(decoded)
	must(t, err)
	return string(text)
}

func TestEveryProblemHasAnExampleWhereItOccurs(t *testing.T) {
	for path, item := range contractOf(t).model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			for status, response := range operation.Responses.Codes.FromOldest() {
				if orderedmap.Len(response.Content) == 0 || status < "400" {
					continue
				}
				body := response.Content.GetOrZero("application/problem+json")
				shown := map[string]bool{}
				for _, text := range examplesOf(t, body) {
					var p problem.Problem
					must(t, json.Unmarshal([]byte(text), &p))
					shown[p.Type] = true
				}
				var listed []string
				for _, value := range body.Schema.Schema().AllOf[1].Schema().Properties.GetOrZero("type").Schema().Enum {
					listed = append(listed, value.Value)
				}
				if diff := cmp.Diff(listed, slices.Sorted(maps.Keys(shown))); diff != "" {
					t.Errorf("%s %s, %s: types (-described +of the examples):\n%s", method, path, status, diff)
				}
			}
		}
	}
}

func TestEveryProblemAndReasonOfTheSourceIsDescribed(t *testing.T) {
	types, reasons := map[string]bool{}, map[string]bool{v1alpha1.ReasonCourseNotFound: true, v1alpha1.ReasonEmailInUse: true}
	for _, folder := range []string{".", "../doors", "../problem", "../middleware"} {
		files, err := filepath.Glob(folder + "/*.go")
		must(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			must(t, err)
			for _, found := range regexp.MustCompile(`"(/problems/[a-z-]+)"`).FindAllSubmatch(source, -1) {
				types[string(found[1])] = true
			}
			for _, found := range regexp.MustCompile(`\n\tReason\w+ += "(\w+)"`).FindAllSubmatch(source, -1) {
				reasons[string(found[1])] = true
			}
		}
	}
	schemas := contractOf(t).model.Components.Schemas
	for what, test := range map[string]struct {
		found  map[string]bool
		listed []*yaml.Node
	}{
		"types":   {types, schemas.GetOrZero("ProblemType").Schema().Enum},
		"reasons": {reasons, schemas.GetOrZero("Error").Schema().Properties.GetOrZero("reason").Schema().Enum},
	} {
		var listed []string
		for _, value := range test.listed {
			listed = append(listed, value.Value)
		}
		if diff := cmp.Diff(listed, slices.Sorted(maps.Keys(test.found))); diff != "" {
			t.Errorf("%s (-described +in the source):\n%s", what, diff)
		}
	}
}

// judgeBy finds whether a text is as a schema of the description says.
func judgeBy(t testing.TB, schema, text string) error {
	t.Helper()
	_, found := schema_validation.NewSchemaValidator(config.WithFormatAssertions()).
		ValidateSchemaString(contractOf(t).model.Components.Schemas.GetOrZero(schema).Schema(), text)
	return differing(fmt.Sprintf("this is not as %s is described: %.500s", schema, text), found)
}

// A document that is taken is one that is described; and one that is described is taken, unless a window ends before it
// begins: a schema has no words for that. (It has none for what is there twice either.)
func TestTheDescriptionAndIngestAgreeOnDocuments(t *testing.T) {
	compared := 0
	compare := func(name, body string) {
		t.Helper()
		_, refusal := check("000123", body)
		reasons := map[string]bool{}
		if refusal != nil {
			for _, e := range refusal.Errors {
				reasons[e.Reason] = true
			}
		}
		if reasons[problem.ReasonSyntax] || reasons[problem.ReasonDuplicate] || body == "null" { // the library takes null for nothing at all
			return
		}
		delete(reasons, problem.ReasonInconsistent)
		asDescribed := judgeBy(t, "Document", body)
		if (len(reasons) == 0) != (asDescribed == nil) {
			t.Errorf("%s:\n%.500s\ningest: %v\ndescription: %v", name, body, refusal, asDescribed)
		}
		compared++
	}
	for name, body := range accepted {
		compare(name, body)
	}
	for name, test := range refusals {
		compare(name, test.body)
	}
	random := rand.New(rand.NewPCG(2017, 10))
	for range 1000 {
		body, err := json.Marshal(nearAnEdge(random))
		must(t, err)
		compare("at random", string(body))
	}
	if compared < 1050 {
		t.Errorf("only %d documents were compared", compared)
	}
}

// What the suite would be told if the door and its description went separate ways.
func TestADifferenceToTheDescriptionIsNoticed(t *testing.T) {
	c := contractOf(t)
	put := request{method: "PUT", path: pathOf("000123"), body: joe()}
	bulk := request{method: "POST", path: "/gk/api/contacts/", body: joe("\n", "") + "\n\n{\"Contact\":1}\n"}
	with := func(header http.Header, name, value string) http.Header {
		changed := http.Header{name: {value}}
		for other, values := range header {
			if other != name {
				changed[other] = values
			}
		}
		return changed
	}
	json := http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}, "X-Request-Id": {"4711"},
		"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}
	lines, problems := with(json, "Content-Type", "application/x-ndjson"), with(json, "Content-Type", "application/problem+json")
	const forbidden = `{"type":"/problems/forbidden","title":"x","status":403,"detail":"x"}`

	for name, test := range map[string]struct {
		request request
		answer  answer
		as      string // what is wrong, empty for nothing
	}{
		"an answer as described":           {put, answer{201, json, `{"Result":"Created"}`}, ""},
		"a problem as described":           {put, answer{403, problems, forbidden}, ""},
		"a member that is not described":   {put, answer{201, json, `{"Result":"Created","New":1}`}, "New"},
		"a member of a problem":            {put, answer{403, problems, forbidden[:len(forbidden)-1] + `,"new":1}`}, "new"},
		"another value":                    {put, answer{201, json, `{"Result":"Made"}`}, "Result"},
		"a header that is not described":   {put, answer{201, with(json, "Server", "x"), `{"Result":"Created"}`}, "Server"},
		"a header of another value":        {put, answer{201, with(json, "Cache-Control", "public"), `{"Result":"Created"}`}, "cache-control"},
		"an ETag that is none":             {put, answer{201, with(json, "Etag", "abc"), `{"Result":"Created"}`}, "etag"},
		"a header that is missing":         {put, answer{503, problems, `{"type":"/problems/unavailable","title":"x","status":503,"detail":"x"}`}, "Retry-After"},
		"another status":                   {put, answer{202, json, `{"Result":"Created"}`}, "202"},
		"another media type":               {put, answer{201, with(json, "Content-Type", "text/plain"), `{"Result":"Created"}`}, "text/plain"},
		"a problem of another status":      {put, answer{403, problems, strings.Replace(forbidden, "forbidden", "not-json", 1)}, "type"},
		"a status that is not the status":  {put, answer{403, problems, strings.Replace(forbidden, "403", "404", 1)}, "status"},
		"a body behind HEAD":               {request{method: "HEAD", path: pathOf("000123")}, answer{200, json, "{}"}, "body"},
		"a request that is not described":  {request{method: "PUT", path: pathOf("000123"), body: joe("000123", "a b")}, answer{201, json, `{"Result":"Created"}`}, "ContactID"},
		"a parameter of another value":     {request{method: "PUT", path: pathOf("000123") + "?dryRun=Some", body: joe()}, answer{201, json, `{"Result":"Created"}`}, "dryRun"},
		"a header of a request":            {request{method: "PUT", path: pathOf("000123"), body: joe(), header: http.Header{"Document-Revision": {"-1"}}}, answer{201, json, `{"Result":"Created"}`}, "Document-Revision"},
		"no credential":                    {request{method: "PUT", path: pathOf("000123"), body: joe(), token: new("")}, answer{201, json, `{"Result":"Created"}`}, "credential"},
		"a path that is not described":     {request{method: "GET", path: "/gk/api/contacts/000123/"}, answer{200, json, "{}"}, "404"},
		"a method that is not described":   {request{method: "DELETE", path: pathOf("000123")}, answer{200, json, "{}"}, "405"},
		"lines as described":               {bulk, answer{200, lines, "{\"line\":1,\"status\":200}\n{\"line\":3,\"status\":403}\n"}, ""},
		"a line that is not described":     {bulk, answer{200, lines, "{\"line\":1,\"status\":200}\n{\"line\":0,\"status\":403}\n"}, "line"},
		"a member of a line":               {bulk, answer{200, lines, "{\"line\":1,\"status\":200,\"new\":1}\n"}, "new"},
		"a line of a request that is none": {bulk, answer{200, lines, "{\"line\":1,\"status\":200}\n{\"line\":3,\"status\":200}\n"}, "Contact"},
	} {
		t.Run(name, func(t *testing.T) {
			header := with(test.request.header, "Content-Type", "application/json")
			if test.request.method == http.MethodPost {
				header = with(header, "Content-Type", "application/x-ndjson")
			}
			if test.request.token == nil {
				header.Set("Authorization", "Bearer TOKEN")
			}
			err := c.judge(insecure, test.request, header, test.answer)
			if (err == nil) != (test.as == "") || err != nil && !strings.Contains(err.Error(), test.as) {
				t.Errorf("found: %v\nwant something about %q", err, test.as)
			}
		})
	}
}
