package ingest

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// page reads the body of an answer that is a page, and checks what holds for every page: it lets a browser do nothing but
// show it, and people who do not see it find their way.
func (a answer) page(t testing.TB) *html.Node {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type":           "text/html; charset=utf-8",
		"Cache-Control":          "no-store",
		"Referrer-Policy":        "no-referrer",
		"X-Content-Type-Options": "nosniff",
	} {
		if got := a.header.Get(name); got != want {
			t.Fatalf("%d has %s %q, want %q; body %.500s", a.status, name, got, want, a.body)
		}
	}
	root, err := html.Parse(strings.NewReader(a.body))
	must(t, err)

	counts, ids, references := map[atom.Atom]int{}, map[string]bool{}, []string{}
	for node := range root.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		counts[node.DataAtom]++
		if !allowed[node.DataAtom] {
			t.Errorf("there is an element %s", node.Data)
		}
		for _, attribute := range node.Attr {
			switch attribute.Key {
			case "id":
				if ids[attribute.Val] {
					t.Errorf("there are two of id %s", attribute.Val)
				}
				ids[attribute.Val] = true
			case "aria-labelledby":
				references = append(references, attribute.Val)
			case "href":
				references = append(references, strings.TrimPrefix(attribute.Val, "#"))
			case "lang", "charset", "name", "content", "class", "scope", "colspan", "datetime":
			default:
				t.Errorf("%s has an attribute %s", node.Data, attribute.Key)
			}
		}
		if node.DataAtom == atom.Th && attributeOf(node, "scope") == "" {
			t.Errorf("the header cell %s has no scope", textOf(node))
		}
		if at := attributeOf(node, "datetime"); at != "" && at == textOf(node) {
			continue // a day, as the document has it
		} else if _, err := time.Parse(time.RFC3339, at); at != "" && err != nil {
			t.Errorf("a program cannot read the time %q", at)
		}
	}
	for _, reference := range references {
		if !ids[reference] {
			t.Errorf("there is nothing of id %s", reference)
		}
	}
	for element, want := range map[atom.Atom]int{atom.H1: 1, atom.Main: 1, atom.Title: 1, atom.Style: 1, atom.Caption: counts[atom.Table]} {
		if counts[element] != want {
			t.Errorf("there are %d of %s, want %d", counts[element], element, want)
		}
	}
	for node := range root.Descendants() {
		switch node.DataAtom {
		case atom.Html:
			if lang := attributeOf(node, "lang"); lang != "en" {
				t.Errorf("the page's language is %q", lang)
			}
		case atom.Style:
			sum := sha256.Sum256([]byte(textOf(node)))
			want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
				"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
			if got := a.header.Get("Content-Security-Policy"); got != want {
				t.Errorf("Content-Security-Policy is %q, want %q", got, want)
			}
		}
	}
	return root
}

// allowed are the elements of which pages are made.
var allowed = map[atom.Atom]bool{
	atom.Html: true, atom.Head: true, atom.Meta: true, atom.Title: true, atom.Style: true, atom.Body: true,
	atom.Header: true, atom.Main: true, atom.Section: true, atom.Article: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.P: true, atom.Br: true,
	atom.A: true, atom.Bdi: true, atom.Code: true, atom.Span: true, atom.Strong: true, atom.Time: true,
	atom.Dl: true, atom.Div: true, atom.Dt: true, atom.Dd: true,
	atom.Table: true, atom.Caption: true, atom.Thead: true, atom.Tbody: true, atom.Tr: true, atom.Th: true, atom.Td: true,
}

func attributeOf(node *html.Node, key string) string {
	for _, attribute := range node.Attr {
		if attribute.Key == key {
			return attribute.Val
		}
	}
	return ""
}

// textOf gives the text of an element as it is written.
func textOf(node *html.Node) string {
	var text strings.Builder
	for inner := range node.Descendants() {
		switch {
		case inner.Type == html.TextNode:
			text.WriteString(inner.Data)
		case apart[inner.DataAtom]:
			text.WriteString(" ")
		}
	}
	return text.String()
}

// apart are elements that stand apart from the text before them, also where no white space is between.
var apart = map[atom.Atom]bool{atom.Br: true, atom.Dd: true, atom.Td: true, atom.Th: true}

// textsOf gives the texts of all such elements, with white space as it is shown.
func textsOf(root *html.Node, element atom.Atom) []string {
	var texts []string
	for node := range root.Descendants() {
		if node.Type == html.ElementNode && node.DataAtom == element {
			texts = append(texts, strings.Join(strings.Fields(textOf(node)), " "))
		}
	}
	return texts
}
