package claim

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/index"
)

// CourseFor gives the Course that a course code stands for on a platform, or nil. It fails when the Courses cannot be read.
func CourseFor(ctx context.Context, reader client.Reader, namespace, platform, courseCode string) (*v1alpha1.Course, error) {
	var list v1alpha1.CourseList
	if err := reader.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{index.CourseByCode: index.Key(platform, courseCode)}); err != nil {
		return nil, fmt.Errorf("cannot list the courses with the code: %w", err)
	}
	return Oldest(list.Items), nil
}
