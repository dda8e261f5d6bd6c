//go:build !js

package ssm_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"instar/e2e/lambda/standin"
	"instar/shared/aws/api"
	"instar/shared/aws/ssm"
)

func newClient(t *testing.T, h http.Handler) *api.Client {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	env := map[string]string{"AWS_REGION": standin.Region, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL_SSM": server.URL}
	return api.FromEnv(func(name string) string { return env[name] }, http.DefaultClient.Do)
}

func TestTheVariablesThatAreThereAreRead(t *testing.T) {
	vars := map[string]string{}
	var names []string
	for i := range 25 {
		names = append(names, fmt.Sprint("NAME_", i))
		if i%2 == 0 {
			vars[names[i]] = strings.Repeat("v", i+1)
		}
	}
	c := newClient(t, standin.Services(nil, standin.Keys{ID: "id", Secret: "secret"}, vars))
	got, err := ssm.Get(t.Context(), c, standin.Prefix, names)
	if err != nil || len(got) != len(vars) {
		t.Fatalf("%v, %v", got, err)
	}
	for name, value := range vars {
		if got[name] != value {
			t.Errorf("%s is %q", name, got[name])
		}
	}
	for name, want := range map[string]bool{"NAME_0": true, "NAME_1": false} {
		if set, err := ssm.Exists(t.Context(), c, standin.Prefix, name); err != nil || set != want {
			t.Errorf("%s: %v, %v", name, set, err)
		}
	}
}

func TestAFailureIsAnErrorThatTellsNoSecret(t *testing.T) {
	calls := 0
	for status, want := range map[int]int{400: 1, 403: 1, 500: 4, 429: 4} {
		calls = 0
		c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			w.WriteHeader(status)
			io.WriteString(w, `{"__type":"com.amazonaws.ssm#AccessDeniedException","message":"`+r.Header.Get("Authorization")+`"}`)
		}))
		_, err := ssm.Get(t.Context(), c, "/instar/", []string{"A"})
		if err == nil || !strings.Contains(err.Error(), "ssm:GetParameters was answered with") || strings.Contains(err.Error(), "Signature") {
			t.Errorf("%d: %v", status, err)
		}
		if calls != want {
			t.Errorf("%d: %d calls, want %d", status, calls, want)
		}
		if _, err := ssm.Exists(t.Context(), c, "/instar/", "A"); err == nil {
			t.Errorf("%d: no error", status)
		}
	}
}
