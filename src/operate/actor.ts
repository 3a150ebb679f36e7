// Who may use the operators' API, and what they may do.

/** Who makes a request, once that has been verified. */
export interface Actor {
  /** For the audit trail: `admin-token`, `read-token`, `access:<email>`, `access-service:<name>`. */
  name: string;
  /** Readers see no token, no URL that holds one and no signing secret: with those one can deliver webhooks. */
  mayChange: boolean;
}

/** What the API's handlers find in their context. */
export interface ActorEnv {
  Variables: { actor: Actor; requestId: string };
}
