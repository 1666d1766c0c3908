package main

import "fmt"

// comparison holds a figure of one kind of request against that of another one, of the same round.
type comparison struct {
	title    string
	of, with kind
	figure   figure
	goal     goal
}

// comparisons are those of the design, section 8, and what else is worth knowing.
var comparisons = []comparison{
	{"PUT new / raw create, rate", putNew, rawCreate, rate, goal{least: 0.9}},
	{"PUT new / raw create, p99", putNew, rawCreate, p99, goal{most: 1.3}},
	{"PUT update / raw update, rate", putUpdate, rawUpdate, rate, goal{}},
	{"PUT update / raw update, p99", putUpdate, rawUpdate, p99, goal{}},
	{"PUT unchanged / raw create, rate", putUnchanged, rawCreate, rate, goal{least: 10}},
	{"bulk new / raw create, rate", bulkNew, rawCreate, rate, goal{}},
	{"bulk unchanged / raw create, rate", bulkUnchanged, rawCreate, rate, goal{}},
	{"PUT unchanged / raw create, rate, replicated", putUnchangedReplicated, rawCreateReplicated, rate, goal{least: 10}},
}

// figure is what is compared.
type figure struct {
	of func(sample) float64
	// flat is how much a ratio may change from the fewest stored Contacts to the most.
	flat goal
}

var (
	rate = figure{sample.rate, goal{least: 0.9}}
	p99  = figure{sample.p99, goal{}} // a tenth is less than what it differs by from run to run
)

// goal bounds a ratio from below or from above; the zero value does not.
type goal struct{ least, most float64 }

func (g goal) stated() bool { return g != goal{} }

func (g goal) met(ratio float64) bool { return ratio >= g.least && (g.most == 0 || ratio <= g.most) }

func (g goal) String() string {
	switch {
	case g.least > 0:
		return fmt.Sprintf("≥ %g", g.least)
	case g.most > 0:
		return fmt.Sprintf("≤ %g", g.most)
	default:
		return "none"
	}
}

// row holds the ratios of a comparison by number of clients, all with one goal. One that was not measured is nil.
type row struct {
	name   string
	goal   goal
	ratios []*spread
}

// rows work a comparison out, for each number of stored Contacts.
func (m *measured) rows(c comparison) []row {
	var rows []row
	for _, state := range m.states {
		r := row{name: grouped(state.stored) + " stored", goal: c.goal}
		for _, clients := range m.clients {
			of := m.series[point{c.of, state.stored, clients}]
			with := m.series[point{c.with, state.stored, clients}]
			var found *spread
			if of != nil && with != nil {
				found = new(ratios(of, with, c.figure.of))
			}
			r.ratios = append(r.ratios, found)
		}
		rows = append(rows, r)
	}
	return rows
}

// growth is what becomes of the ratios from the first row to the last.
func growth(rows []row, goal goal) row {
	first, last := rows[0], rows[len(rows)-1]
	grown := row{name: last.name + " / " + first.name, goal: goal}
	for i, ratio := range last.ratios {
		var quotient *spread
		if ratio != nil && first.ratios[i] != nil {
			value := ratio.median / first.ratios[i].median
			quotient = &spread{value, value, value}
		}
		grown.ratios = append(grown.ratios, quotient)
	}
	return grown
}

// reached counts the ratios of rows, and those of them that reach their goal.
func reached(rows ...row) (met, all int) {
	for _, r := range rows {
		for _, ratio := range r.ratios {
			if ratio == nil {
				continue
			}
			all++
			if r.goal.met(ratio.median) {
				met++
			}
		}
	}
	return met, all
}
