import type { GroupKey } from "../report-types.ts";

/** What a column that lines are grouped by is called. */
export const GROUP_TITLES: Readonly<Record<GroupKey, string>> = {
  owner: "Owner",
  ownerKind: "Owned by",
  user: "User",
  team: "Team",
  "cost-centre": "Cost centre",
  label: "Label",
  gpu: "GPU",
  model: "Model",
  node: "Node",
};
