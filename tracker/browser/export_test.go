package browser

// What tests look at that the package promises nobody.
var ResolverRules = resolverRules
