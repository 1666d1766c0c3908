package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/client-go/kubernetes"
)

// request is what the API server was asked for: a verb and a resource, with its subresource.
type request struct{ verb, resource string }

// writes counts requests to Rollcall's resources, and to events, that the API server carried out as writes.
type writes map[request]int

var (
	requestTotal = regexp.MustCompile(`(?m)^apiserver_request_total\{(.*)\} (\S+)$`)
	label        = regexp.MustCompile(`(\w+)="([^"]*)"`)
	writingVerbs = []string{"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"}
)

// writes reads the API server's own count.
func (c *cluster) writes(ctx context.Context) (writes, error) {
	clients, err := kubernetes.NewForConfig(c.admin)
	if err != nil {
		return nil, err
	}
	metrics, err := clients.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read the API server's metrics: %w", err)
	}
	counted := writes{}
	for _, line := range requestTotal.FindAllSubmatch(metrics, -1) {
		labels := map[string]string{}
		for _, pair := range label.FindAllStringSubmatch(string(line[1]), -1) {
			labels[pair[1]] = pair[2]
		}
		ours := labels["group"] == "rollcall.dev" || labels["group"] == "events.k8s.io"
		if !ours || !slices.Contains(writingVerbs, labels["verb"]) || !strings.HasPrefix(labels["code"], "2") {
			continue
		}
		count, err := strconv.ParseFloat(string(line[2]), 64)
		if err != nil {
			return nil, fmt.Errorf("cannot read the API server's metrics: %w", err)
		}
		resource := labels["resource"]
		if labels["subresource"] != "" {
			resource += "/" + labels["subresource"]
		}
		counted[request{labels["verb"], resource}] += int(count)
	}
	return counted, nil
}

// since gives what came on top of an earlier count.
func (w writes) since(before writes) writes {
	added := writes{}
	for request, count := range w {
		if count > before[request] {
			added[request] = count - before[request]
		}
	}
	return added
}

func (w writes) plus(others writes) writes {
	sum := maps.Clone(w)
	if sum == nil {
		sum = writes{}
	}
	for request, count := range others {
		sum[request] += count
	}
	return sum
}

func (w writes) count(chosen func(request) bool) int {
	total := 0
	for request, count := range w {
		if chosen(request) {
			total += count
		}
	}
	return total
}

// Who wrote follows from what was written: ingest creates and updates Contacts, and the controllers only patch them.
func byCaller(r request) bool {
	return r.resource == "contacts" && (r.verb == "POST" || r.verb == "PUT")
}

func byControllers(r request) bool { return !byCaller(r) && !isEvent(r) }

func isEvent(r request) bool { return r.resource == "events" }

func isOurs(r request) bool { return !isEvent(r) }
