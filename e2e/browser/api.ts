// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by those who wrote the question
type Answer = any

/** The API as a program uses it: for what a test needs beforehand and is not about. */
export class API {
  constructor(
    private readonly origin: string,
    private readonly token: string,
  ) {}

  async ask(query: string, variables: object = {}): Promise<Answer> {
    const reply = await fetch(`${this.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.token}` },
      body: JSON.stringify({ query, variables }),
    })
    const { data, errors } = await reply.json()
    if (errors) throw new Error(JSON.stringify(errors))
    return data
  }

  /** Asks until `right` finds what it looks for, and gives that. */
  async until(query: string, variables: object, right: (data: Answer) => Answer, seconds = 60): Promise<Answer> {
    let data: Answer
    for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
      data = await this.ask(query, variables)
      const found = right(data)
      if (found) return found
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
    throw new Error(`not within ${seconds} s: ${JSON.stringify(data)}`)
  }

  /** Sends a mutation whose answer is called `done`, and waits for its operation to succeed. */
  async done(mutation: string, variables: object): Promise<Answer> {
    const { done } = await this.ask(mutation, variables)
    await this.until(
      'query($id: ID!) { operation(id: $id) { status error { message } } }',
      { id: done.operation.id },
      ({ operation }) => {
        if (operation.error) throw new Error(operation.error.message)
        return operation.status === 'SUCCEEDED'
      },
    )
    return done
  }
}
