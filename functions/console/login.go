package console

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"instar/shared/access"
)

// login exchanges the console token for a cookie: {"token":"..."}.
func (h *Handler) login(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Token string `json:"token"`
	}
	if !read(w, r, &in) {
		return
	}
	cookie, err := h.Door.Login(r, in.Token, r.RemoteAddr)
	if err != nil {
		h.refuse(w, "log in", err)
		return
	}
	http.SetCookie(w, cookie)
	reply(w, http.StatusOK, map[string]any{"expires_in": cookie.MaxAge})
}

// logout ends the session of the request's cookie. next, when given, is where
// the page must go to end the session of the service in front of it too.
func (h *Handler) logout(w http.ResponseWriter, r *http.Request) {
	cookie, err := h.Door.Logout(r, r.RemoteAddr)
	if err != nil {
		h.refuse(w, "log out", err)
		return
	}
	http.SetCookie(w, cookie)
	answer := map[string]any{}
	if next := h.Door.Next(r); next != "" {
		answer["next"] = next
	}
	reply(w, http.StatusOK, answer)
}

// authenticated lets a request through that the door lets in and answers any other.
func (h *Handler) authenticated(w http.ResponseWriter, r *http.Request) bool {
	_, err := h.Door.Authenticate(r, r.RemoteAddr)
	if err != nil {
		h.refuse(w, "check who you are", err)
	}
	return err == nil
}

// refuse answers with why somebody was not let in.
func (h *Handler) refuse(w http.ResponseWriter, doing string, err error) {
	var refusal *access.Refusal
	if !errors.As(err, &refusal) {
		h.internal(w, doing, err)
		return
	}
	body := failure(refusal.Reason)
	if len(refusal.Missing) > 0 {
		body["missing"] = refusal.Missing
	}
	if refusal.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if refusal.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(refusal.Retry.Seconds()))))
	}
	if refusal.Clear != nil {
		http.SetCookie(w, refusal.Clear)
	}
	reply(w, refusal.Status, body)
}
