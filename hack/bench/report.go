package main

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// section is a part of the report. All of it goes to a page, and all but the charts to the terminal.
type section struct {
	Title, Note string
	Charts      []chart
	Tables      []table
}

// table has a line of headings and a first column of names.
type table struct {
	Head []string
	Rows [][]string
}

// missed is what is written behind a figure that does not reach its goal.
const missed = "MISSED"

// verdict says whether a goal is reached.
func verdict(reached bool) string {
	if reached {
		return "ok"
	}
	return missed
}

// print shows a section on the terminal.
func (s section) print() {
	fmt.Printf("\n%s\n", s.Title)
	for _, t := range s.Tables {
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
		for _, row := range append([][]string{t.Head}, t.Rows...) {
			fmt.Fprintln(w, strings.Join(row, "\t")) //nolint:errcheck // nobody is left to tell
		}
		w.Flush() //nolint:errcheck // nobody is left to tell
		fmt.Println()
	}
}

//go:embed report.html.tmpl
var pageSource string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"missed": func(cell string) bool { return strings.HasSuffix(cell, missed) },
}).Parse(pageSource))

// writePage writes the report as one file that needs no other.
func writePage(path, facts string, sections []section) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return page.Execute(file, map[string]any{"Facts": facts, "Sections": sections})
}
