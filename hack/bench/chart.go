package main

import (
	"fmt"
	"math"
	"strings"
)

// chart is a diagram: the same places along its foot for all curves, and a scale of powers of ten or one that begins at 0.
type chart struct {
	Title, Meaning string
	Places         []string
	Curves         []curve
	// Goal is drawn as a line where there is one.
	Goal        goal
	Logarithmic bool
}

// curve has a value for each place; nil where there is none.
type curve struct {
	Name   string
	Values []*spread
}

// The field that holds the curves, and the legend, within the drawing of report.html.tmpl.
const (
	fieldLeft, fieldTop, fieldWidth, fieldHeight        = 44.0, 26.0, 346.0, 160.0
	legendTop, legendWidth, legendHeight, legendColumns = 230.0, 173.0, 16.0, 2
)

var colors = []string{"#0b6fa4", "#d98c00", "#3a8a3a", "#8a4fa3", "#a3483f", "#555555"}

// mark is something to draw at a height, with what is written at it.
type mark struct {
	Y     float64
	Label string
}

// X is where a place is.
func (c chart) X(place int) float64 {
	return fieldLeft + fieldWidth*(float64(place)+0.5)/float64(len(c.Places))
}

// Y is how high a value is.
func (c chart) Y(value float64) float64 {
	low, high := c.bounds()
	if c.Logarithmic {
		low, high, value = math.Log10(low), math.Log10(high), math.Log10(value)
	}
	return math.Round(10*(fieldTop+fieldHeight*(1-(value-low)/(high-low)))) / 10
}

// bounds are the least and the highest value that the scale has.
func (c chart) bounds() (low, high float64) {
	low, high = math.Inf(1), max(c.Goal.least, c.Goal.most)
	for _, curve := range c.Curves {
		for _, value := range curve.Values {
			if value != nil {
				low, high = min(low, value.least), max(high, value.most)
			}
		}
	}
	if c.Logarithmic {
		return math.Pow10(int(math.Floor(math.Log10(low)))), math.Pow10(int(math.Ceil(math.Log10(high))))
	}
	return 0, high * 1.1
}

// Scale gives the lines to read values by.
func (c chart) Scale() (lines []mark) {
	low, high := c.bounds()
	if c.Logarithmic {
		for value := low; value <= high; value *= 10 {
			lines = append(lines, mark{c.Y(value), fmt.Sprintf("%g", value)})
		}
		return lines
	}
	step := math.Pow10(int(math.Floor(math.Log10(high))))
	for high/step < 3 {
		step /= 2
	}
	for value := low; value <= high; value += step {
		lines = append(lines, mark{c.Y(value), fmt.Sprintf("%g", value)})
	}
	return lines
}

// Height is that of the whole drawing.
func (c chart) Height() float64 {
	return legendTop + legendHeight*math.Ceil(float64(len(c.Curves))/legendColumns)
}

// GoalLine is where the goal is, or nil.
func (c chart) GoalLine() *mark {
	if !c.Goal.stated() {
		return nil
	}
	return &mark{c.Y(max(c.Goal.least, c.Goal.most)), "goal " + c.Goal.String()}
}

// drawn is a curve as it is drawn.
type drawn struct {
	Name, Color, Path string
	Points            []drawnPoint
	LegendX, LegendY  float64
}

type drawnPoint struct{ X, Y, Low, High float64 }

// Drawn gives the curves with their place in the legend.
func (c chart) Drawn() []drawn {
	curves := make([]drawn, 0, len(c.Curves))
	for i, curve := range c.Curves {
		d := drawn{
			Name: curve.Name, Color: colors[i%len(colors)],
			LegendX: fieldLeft + legendWidth*float64(i%legendColumns), LegendY: legendTop + legendHeight*float64(i/legendColumns),
		}
		var path []string
		for place, value := range curve.Values {
			if value == nil {
				continue
			}
			p := drawnPoint{c.X(place), c.Y(value.median), c.Y(value.least), c.Y(value.most)}
			d.Points = append(d.Points, p)
			path = append(path, fmt.Sprintf("%g,%g", p.X, p.Y))
		}
		d.Path = strings.Join(path, " ")
		curves = append(curves, d)
	}
	return curves
}
