/** Reads the row that a query always gives, such as one that counts. */
export async function readSingleRow<Row>(statement: D1PreparedStatement): Promise<Row> {
  const row = await statement.first<Row>();
  if (row === null) throw new Error('D1 returned no row for a query that always has one');
  return row;
}
