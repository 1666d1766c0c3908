package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// state is a row of docs/states.md.
type state struct{ names, on, means, advice string }

// groups are the words by which docs/states.md means several kinds.
var groups = map[string][]string{
	"all":                      {"LearningPlatform", "Course", "Contact", "Enrollment", "CourseMentor", "LearnerMessage"},
	"all but LearningPlatform": {"Course", "Contact", "Enrollment", "CourseMentor"},
	"all that call the LMS":    {"LearningPlatform", "Course", "Contact", "Enrollment"},
}

// kinds are those that the state is on.
func (s state) kinds() []string {
	if kinds, isGroup := groups[s.on]; isGroup {
		return kinds
	}
	return strings.Split(s.on, ", ")
}

func (s state) isOn(kind string) bool { return slices.Contains(s.kinds(), kind) }

// readStates reads the tables of states: those with the columns STATE, on, means, what to do.
func readStates(file string) ([]state, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var states []state
	for line := range strings.Lines(string(content)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) == 4 && strings.HasPrefix(strings.TrimSpace(cells[0]), "`") {
			row := state{strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3])}
			if !slices.ContainsFunc(groups["all"], row.isOn) {
				return nil, fmt.Errorf("%s: the state %s is on no kind", file, row.names)
			}
			states = append(states, row)
		}
	}
	return states, nil
}
