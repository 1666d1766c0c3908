// Package assets is what Rollcall gives to the pages of a learning platform: one script with the web components of the
// learner's side. How to use them is in docs/learner-page.md.
package assets

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall.dev/rollcall/webhook/problem"
)

// The script is written in several files and sent as one module. They share its names, so they need no imports; a class
// comes after the one that it extends.
//
//go:embed script style.css texts
var sources embed.FS

var order = []string{
	"texts", "dom", "page", "api", "draft", "composer", "element", "mentor", "support", "courses", "define",
}

// stable is the name of the script that stays. Each version has a name of its own, with the digest of its content.
const stable = "rollcall.js"

func version(digest string) string { return "rollcall." + digest + ".js" }

// versions are the names that a script can have had, or will have.
var versions = regexp.MustCompile(`^rollcall\.[0-9a-f]{16}\.js$`)

// Handler serves the script in a folder: a path that ends with a slash. Its stable name is for pages that want the version
// of this Rollcall, and is asked about each time. The name of a version may be kept for good. It panics when the script
// cannot be put together: that is a mistake of the program's.
func Handler(folder string) http.Handler {
	script := build()
	sum := sha256.Sum256(script)
	digest := hex.EncodeToString(sum[:8])
	serve := func(w http.ResponseWriter, r *http.Request, caching string) {
		header := w.Header()
		header.Set("Content-Type", "text/javascript; charset=utf-8")
		header.Set("Cache-Control", caching)
		header.Set("ETag", `"`+digest+`"`)
		http.ServeContent(w, r, stable, time.Time{}, bytes.NewReader(script))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			problem.MethodNotAllowed(http.MethodGet, http.MethodHead).Write(w, r)
			return
		}
		// The script may be used by pages of any origin: there is nothing in it to protect.
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", "*") // scripts of type module are always asked for so
		header.Set("Cross-Origin-Resource-Policy", "cross-origin")
		header.Set("X-Content-Type-Options", "nosniff")
		switch name := strings.TrimPrefix(r.URL.Path, folder); {
		case name == stable:
			serve(w, r, "no-cache") // keep it, and ask whether it is still the one
		case name == version(digest):
			serve(w, r, "public, max-age=31536000, immutable")
		case versions.MatchString(name):
			// A page may name the version of the Rollcall before, or of the replica that is already the next one.
			header.Set("Cache-Control", "no-store")
			http.Redirect(w, r, folder+stable, http.StatusTemporaryRedirect)
		default:
			problem.NotFound("There is no such file; the script is "+stable+".").Write(w, r)
		}
	})
}

// build puts the script together: the style and the texts as constants, then the files.
func build() []byte {
	texts := map[string]jsontext.Value{}
	for _, file := range must(fs.Glob(sources, "texts/*.json")) {
		texts[strings.TrimSuffix(path.Base(file), ".json")] = must(sources.ReadFile(file))
	}
	var script bytes.Buffer
	fmt.Fprintf(&script, "const STYLE = %s;\n", must(json.Marshal(string(must(sources.ReadFile("style.css"))))))
	fmt.Fprintf(&script, "const TEXTS = %s;\n", must(json.Marshal(texts, json.Deterministic(true))))
	for _, name := range order {
		fmt.Fprintf(&script, "\n%s", must(sources.ReadFile("script/"+name+".js")))
	}
	return script.Bytes()
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
