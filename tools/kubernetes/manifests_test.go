// Package kubernetes checks the manifests against the types of Kubernetes' API. It
// is a module of its own: nothing else needs them.
package kubernetes

import (
	"bytes"
	"os"
	"slices"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

const file = "../../cmd/shopwatch/deploy/kubernetes.yaml"

// Every field is one that Kubernetes knows, and what refers to something else in
// the file finds it.
func TestManifests(t *testing.T) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var (
		config   core.ConfigMap
		workers  apps.StatefulSet
		web      apps.Deployment
		services []core.Service
		ingress  networking.Ingress
	)
	for _, doc := range bytes.Split(text, []byte("\n---\n")) {
		var kind meta.TypeMeta
		if err := yaml.Unmarshal(doc, &kind); err != nil {
			t.Fatal(err)
		}
		var into any
		var service core.Service
		switch kind.APIVersion + " " + kind.Kind {
		case "v1 ConfigMap":
			into = &config
		case "apps/v1 StatefulSet":
			into = &workers
		case "apps/v1 Deployment":
			into = &web
		case "v1 Service":
			into = &service
		case "networking.k8s.io/v1 Ingress":
			into = &ingress
		default:
			t.Fatalf("nobody expects %s %s", kind.APIVersion, kind.Kind)
		}
		if err := yaml.UnmarshalStrict(doc, into); err != nil {
			t.Errorf("%s: %v", kind.Kind, err)
		}
		if service.Name != "" {
			services = append(services, service)
		}
	}
	if config.Data["shopwatch.yaml"] == "" {
		t.Error("the configuration is empty")
	}
	claims := []string{}
	for _, c := range workers.Spec.VolumeClaimTemplates {
		claims = append(claims, c.Name)
	}
	pod(t, "workers", workers.Spec.Selector, &workers.Spec.Template, config.Name, claims)
	pod(t, "web", web.Spec.Selector, &web.Spec.Template, config.Name, nil)
	for _, s := range services {
		selected := labels.SelectorFromSet(s.Spec.Selector)
		ofWorkers, ofWeb := selected.Matches(labels.Set(workers.Spec.Template.Labels)), selected.Matches(labels.Set(web.Spec.Template.Labels))
		if ofWorkers == ofWeb || ofWorkers != (s.Name == workers.Spec.ServiceName) {
			t.Errorf("the service %s selects workers: %v, web: %v", s.Name, ofWorkers, ofWeb)
		}
	}
	if len(ingress.Spec.Rules) != 1 || len(ingress.Spec.Rules[0].HTTP.Paths) != 1 {
		t.Fatal("the ingress has not one path")
	}
	to := ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service
	if !slices.ContainsFunc(services, func(s core.Service) bool {
		return s.Name == to.Name && len(s.Spec.Ports) == 1 && s.Spec.Ports[0].Name == to.Port.Name
	}) {
		t.Errorf("the ingress leads to %s, port %s, which is no service", to.Name, to.Port.Name)
	}
}

func pod(t *testing.T, what string, by *meta.LabelSelector, p *core.PodTemplateSpec, config string, claims []string) {
	t.Helper()
	selector, err := meta.LabelSelectorAsSelector(by)
	if err != nil || !selector.Matches(labels.Set(p.Labels)) {
		t.Errorf("%s: its selector does not select it (%v)", what, err)
	}
	volumes := slices.Clone(claims)
	for _, v := range p.Spec.Volumes {
		volumes = append(volumes, v.Name)
		if v.ConfigMap != nil && v.ConfigMap.Name != config {
			t.Errorf("%s: there is no ConfigMap %s", what, v.ConfigMap.Name)
		}
	}
	if len(p.Spec.Containers) != 1 {
		t.Fatalf("%s: %d containers, want 1", what, len(p.Spec.Containers))
	}
	c := &p.Spec.Containers[0]
	for _, m := range c.VolumeMounts {
		if !slices.Contains(volumes, m.Name) {
			t.Errorf("%s: there is no volume %s", what, m.Name)
		}
	}
	for _, e := range c.Env {
		if from := e.ValueFrom; from == nil || (from.SecretKeyRef == nil) == (from.FieldRef == nil) {
			t.Errorf("%s: %s has a value that stands in the file", what, e.Name)
		}
	}
	if s := c.SecurityContext; s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem ||
		p.Spec.SecurityContext.RunAsNonRoot == nil || !*p.Spec.SecurityContext.RunAsNonRoot {
		t.Errorf("%s: it may do more than it needs", what)
	}
	if c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().Cmp(*c.Resources.Requests.Memory()) < 0 {
		t.Errorf("%s: requests %v, limits %v", what, c.Resources.Requests, c.Resources.Limits)
	}
}
