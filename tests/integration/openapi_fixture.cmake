# What needs the modules waits for the test that installs them.
set_tests_properties(
  "integration.OpenApiTest.DescribesWhatEachRouteAnswers"
  PROPERTIES FIXTURES_REQUIRED openapi_modules)
