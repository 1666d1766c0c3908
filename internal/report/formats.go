package report

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"text/tabwriter"
	"time"
)

// Formats are the ways to write a report, by name.
var Formats = map[string]func(*Report, io.Writer) error{"table": (*Report).table, "csv": (*Report).csv, "html": (*Report).html}

// table writes two tables for a terminal. What was never swept has no counts.
func (r *Report) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	row := func(names []string, swept time.Time, counts ...int32) {
		for _, name := range names {
			_, _ = fmt.Fprint(t, name, "\t")
		}
		for _, count := range counts {
			_, _ = fmt.Fprint(t, countOrDash(swept, count), "\t")
		}
		_, _ = fmt.Fprintln(t, r.Age(swept))
	}
	_, _ = fmt.Fprintln(t, "NAMESPACE\tPLATFORM\tCOURSE\tSOLD\tENROLLED\tMISSING\tOTHER MODE\tOVERDUE\tUNSOLD\tSTRANGERS\tSWEPT")
	for _, c := range r.Courses {
		row([]string{c.Namespace, c.Platform, c.Code}, c.Swept, c.Sold, c.Enrolled, c.Missing, c.OtherMode, c.Overdue, c.Unsold, c.Strangers)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(t, "\nNAMESPACE\tPLATFORM\tACCOUNTS\tMISSING\tINACTIVE\tCHANGED\tSWEPT")
	for _, a := range r.Accounts {
		row([]string{a.Namespace, a.Platform}, a.Swept, a.Compared, a.Missing, a.Inactive, a.Changed)
	}
	return t.Flush()
}

// csv writes a row for each count, with the kinds of the metric. What was never swept has neither count nor time.
func (r *Report) csv(w io.Writer) error {
	c := csv.NewWriter(w)
	row := func(namespace, platform, course string, swept time.Time, kind string, count int32) {
		record := []string{namespace, platform, course, kind, "", ""}
		if !swept.IsZero() {
			record[4], record[5] = strconv.Itoa(int(count)), swept.UTC().Format(time.RFC3339)
		}
		_ = c.Write(record) // Error gives it.
	}
	_ = c.Write([]string{"namespace", "platform", "course", "kind", "count", "swept"})
	for _, found := range r.Courses {
		for _, of := range []struct {
			kind  string
			count int32
		}{
			{"sold", found.Sold},
			{"enrolled", found.Enrolled},
			{"missing", found.Missing},
			{"other_mode", found.OtherMode},
			{"overdue", found.Overdue},
			{"unsold", found.Unsold},
			{"stranger", found.Strangers},
		} {
			row(found.Namespace, found.Platform, found.Code, found.Swept, of.kind, of.count)
		}
	}
	for _, found := range r.Accounts {
		for _, of := range []struct {
			kind  string
			count int32
		}{
			{"account", found.Compared},
			{"account_missing", found.Missing},
			{"account_inactive", found.Inactive},
			{"account_changed", found.Changed},
		} {
			row(found.Namespace, found.Platform, "", found.Swept, of.kind, of.count)
		}
	}
	c.Flush()
	return c.Error()
}

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"count": countOrDash,
	"at":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
}).Parse(page))

// html writes one page that needs nothing else.
func (r *Report) html(w io.Writer) error { return pageTemplate.Execute(w, r) }

func countOrDash(swept time.Time, count int32) string {
	if swept.IsZero() {
		return "–"
	}
	return strconv.Itoa(int(count))
}
