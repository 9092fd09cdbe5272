/** Something to begin with: right as it stands, and to be made one’s own. */
export type Starter = { name: string; title: string; tells: string; text: string }

const STARTERS: Starter[] = [
  {
    name: 'production',
    title: 'Keep production',
    tells: 'Owners alone delete or force off what is tagged env=production',
    text: `// Production is deleted by owners alone.
forbid (
  principal,
  action in [Action::"deleteVM", Action::"powerOffVM"],
  resource is VM
)
when { resource.hasTag("env") && resource.getTag("env") == "production" }
unless { principal in Role::"OWNER" };
`,
  },
  {
    name: 'training',
    title: 'Open what is for training',
    tells: 'Whoever may look may also start and shut down what is tagged use=training',
    text: `// Whoever may look may also start and shut down the training machines.
permit (
  principal in Role::"VIEWER",
  action in [Action::"startVM", Action::"shutdownVM"],
  resource is VM
)
when { resource.hasTag("use") && resource.getTag("use") == "training" };
`,
  },
  {
    name: 'freeze',
    title: 'Freeze',
    tells: 'Nothing is done to what has the tag freeze, but by owners',
    text: `// What is frozen stays as it is. All that an operator may is in Action::"OPERATOR".
forbid (
  principal,
  action in Action::"OPERATOR",
  resource is VM
)
when { resource.hasTag("freeze") }
unless { principal in Role::"OWNER" };
`,
  },
  {
    name: 'consoles',
    title: 'Consoles for administrators',
    tells: 'Operators work with VMs, but do not look into them',
    text: `// Consoles are for administrators.
forbid (
  principal,
  action == Action::"openConsole",
  resource
)
unless { principal in Role::"ADMIN" };
`,
  },
  {
    name: 'contractor',
    title: 'One person, one project',
    tells: 'Somebody works with the VMs of one project and no others',
    text: `// The contractor works with the VMs of project web, and makes new ones for it.
forbid (
  principal,
  action in Action::"OPERATOR",
  resource is VM
)
when { principal.name == "contractor" }
unless { resource.hasTag("project") && resource.getTag("project") == "web" };
`,
  },
]

type Host = { readonly id: string; readonly name: string }

/** All of them; what is about a host is about one that there is. */
export function starters(hosts: readonly Host[]): Starter[] {
  const [host] = hosts
  if (!host) return STARTERS
  return [
    ...STARTERS,
    {
      name: 'one-host',
      title: 'One host for administrators',
      tells: `Operators leave what is on ${host.name} alone`,
      text: `// What is on ${host.name} is for administrators. Policies know a host by its id.
forbid (
  principal,
  action in Action::"OPERATOR",
  resource in Provider::"${host.id.replace(/^provider_/, '')}"
)
unless { principal in Role::"ADMIN" };
`,
    },
  ]
}
