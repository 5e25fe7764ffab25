module shopwatch

go 1.26.0
