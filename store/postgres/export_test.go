package postgres

// PageSQL is the query of Page.
const PageSQL = pageSQL
