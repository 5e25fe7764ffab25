module shopwatch

go 1.26.0

require github.com/robfig/cron/v3 v3.0.1

require github.com/goccy/go-yaml v1.19.2 // indirect
