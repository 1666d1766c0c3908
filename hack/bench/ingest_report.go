package main

import (
	"fmt"
	"slices"
	"strconv"
)

// sections report on ingest: the goals, the comparisons, the figures behind them, and what the processes need.
func (m *measured) sections() []section {
	goals := table{Head: []string{"", "goal", "reached by", ""}}
	var compared []section
	for _, c := range comparisons {
		rows := m.rows(c)
		grown := growth(rows, c.figure.flat)
		compared = append(compared, m.compared(c, rows, grown))
		if c.goal.stated() {
			goals.Rows = append(goals.Rows, goalRow(c.title, rows...))
		}
		if grown.goal.stated() {
			goals.Rows = append(goals.Rows, goalRow(c.title+", "+grown.name, grown))
		}
	}
	written := 0
	for at, s := range m.series {
		if slices.Contains(unchanged, at.kind) {
			written += s.writes.count(isOurs)
		}
	}
	goals.Rows = append(goals.Rows, []string{"API-server writes for all unchanged documents", "0", strconv.Itoa(written), verdict(written == 0)})

	first := section{Title: "Ingest: goals", Tables: []table{goals}}
	return append(append([]section{first}, compared...), m.figures(), m.needs())
}

func goalRow(title string, rows ...row) []string {
	met, all := reached(rows...)
	return []string{title, rows[0].goal.String(), fmt.Sprintf("%d of %d", met, all), verdict(met == all)}
}

// compared shows a comparison.
func (m *measured) compared(c comparison, rows []row, grown row) section {
	curves := chart{Title: c.title, Meaning: "clients", Goal: c.goal}
	ratios := table{Head: []string{"median round (all rounds), by clients"}}
	for _, clients := range m.clients {
		curves.Places = append(curves.Places, strconv.Itoa(clients))
		ratios.Head = append(ratios.Head, strconv.Itoa(clients))
	}
	for _, r := range rows {
		curves.Curves = append(curves.Curves, curve{r.name, r.ratios})
		ratios.Rows = append(ratios.Rows, r.cells())
	}
	ratios.Rows = append(ratios.Rows, grown.cells())
	return section{Title: c.title, Charts: []chart{curves}, Tables: []table{ratios}}
}

// cells are the texts of a row.
func (r row) cells() []string {
	cells := []string{r.name}
	for _, ratio := range r.ratios {
		text := ""
		if ratio != nil {
			text = fmt.Sprintf("%.2f", ratio.median)
			if ratio.least != ratio.most {
				text += fmt.Sprintf(" (%.2f–%.2f)", ratio.least, ratio.most)
			}
			if !r.goal.met(ratio.median) {
				text += " " + missed
			}
		}
		cells = append(cells, text)
	}
	return cells
}

// figures are what was measured, request by request.
func (m *measured) figures() section {
	shown := section{Title: "Ingest: figures", Note: "Requests a second, on a logarithmic scale; the lines across show the rounds."}
	numbers := table{Head: []string{"", "clients", "stored", "requests", "rate/s", "p50", "p99", "CPU/document",
		"writes/document: by the request", "by controllers", "the latter, meanwhile"}}
	for _, state := range m.states {
		rates := chart{Title: grouped(state.stored) + " stored, requests/s", Meaning: "clients", Logarithmic: true}
		for _, clients := range m.clients {
			rates.Places = append(rates.Places, strconv.Itoa(clients))
		}
		for _, kind := range kinds {
			drawn := curve{Name: string(kind)}
			for _, clients := range m.clients {
				var found *spread
				if s := m.series[point{kind, state.stored, clients}]; s != nil {
					found = new(s.spread(sample.rate))
					numbers.Rows = append(numbers.Rows, s.cells(kind, clients, state.stored))
				}
				drawn.Values = append(drawn.Values, found)
			}
			rates.Curves = append(rates.Curves, drawn)
		}
		shown.Charts = append(shown.Charts, rates)
	}
	shown.Tables = []table{numbers}
	return shown
}

// cells are the texts of a series.
func (s *series) cells(kind kind, clients, stored int) []string {
	all := s.all()
	perDocument := func(writes int) string { return fmt.Sprintf("%.2f", float64(writes)/float64(all.count)) }
	return []string{
		string(kind), strconv.Itoa(clients), grouped(stored), strconv.Itoa(all.count), fmt.Sprintf("%.0f", all.rate()),
		milliseconds(all.quantile(0.5)), milliseconds(all.p99()), milliseconds(all.cpu / float64(all.count)),
		perDocument(s.writes.count(byCaller)), perDocument(s.writes.count(byControllers)), perDocument(s.company),
	}
}

// needs are the time and the memory that the processes take.
func (m *measured) needs() section {
	needs := table{Head: []string{"stored", "Rollcall takes documents after", "has looked at all Contacts after"}}
	for _, program := range programs {
		needs.Head = append(needs.Head, program+": memory then", "at the end")
	}
	for _, state := range m.states {
		cells := []string{grouped(state.stored), seconds(state.ready), seconds(state.visited)}
		for _, program := range programs {
			cells = append(cells, mebibytes(state.restarted[program]), mebibytes(state.loaded[program]))
		}
		needs.Rows = append(needs.Rows, cells)
	}
	return section{Title: "A restart of Rollcall, and resident memory", Tables: []table{needs}}
}
