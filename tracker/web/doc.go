// Package web is what people see of shopwatch in a browser. Its pages need no
// script, and read through the roles of package storage, as the API does.
package web
