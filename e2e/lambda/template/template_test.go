package template_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"instar/e2e/lambda/standin"
	"instar/e2e/lambda/template"
	"instar/functions"
	"instar/shared/aws/s3"
	"instar/shared/platform"
)

func load(t *testing.T) *template.Template {
	t.Helper()
	all, err := template.Load("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const sandboxARN = "arn:aws:lambda:" + standin.Region + ":" + standin.Account + ":function:instar-sandbox"

const objects = "arn:aws:s3:::" + standin.Bucket + "/"

// stored is what each function does to the bucket: the code's side of its role's
// statements. All of them need s3:ListBucket too, without which S3 calls an object
// that is not there a forbidden one.
var stored = map[string][]template.Right{
	"webhook": {
		{"s3:GetObject", objects + "seal/*"}, {"s3:GetObject", objects + "main/tasks/*"},
		{"s3:PutObject", objects + "seal/*"}, {"s3:PutObject", objects + "main/inbox/*"},
	},
	"agent":   {{"s3:GetObject", objects + "*"}, {"s3:PutObject", objects + "*"}, {"s3:DeleteObject", objects + "*"}},
	"console": {{"s3:GetObject", objects + "*"}, {"s3:PutObject", objects + "*"}, {"s3:DeleteObject", objects + "main/access/*"}},
	"schedule": {
		{"s3:GetObject", objects + "*"}, {"s3:PutObject", objects + "*"},
		{"s3:DeleteObject", objects + "main/due/*"}, {"s3:DeleteObject", objects + "main/jobs/*"},
	},
}

// needed is what a function's role must allow, by what the function is listed for.
func needed(l platform.Listing) []template.Right {
	logs := "${" + strings.ToUpper(l.Name[:1]) + l.Name[1:] + "Logs.Arn}"
	parameters := "arn:aws:ssm:" + standin.Region + ":" + standin.Account + ":parameter" + standin.Prefix
	rights := append([]template.Right{
		{"logs:CreateLogStream", logs}, {"logs:PutLogEvents", logs},
		{"s3:ListBucket", "arn:aws:s3:::" + standin.Bucket}, {"sqs:SendMessage", standin.QueueARN},
	}, stored[l.Name]...)
	if l.Bound("AGENT") {
		rights = append(rights, template.Right{Action: "lambda:InvokeFunction", Resource: "arn:aws:lambda:" + standin.Region + ":" + standin.Account + ":function:instar-agent"})
	}
	if l.Bound("SANDBOX") {
		rights = append(rights, template.Right{Action: "lambda:InvokeFunction", Resource: sandboxARN})
	}
	if l.Name == "agent" { // what the queue's event source mapping does as it, and package lambda
		for _, action := range []string{"ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility"} {
			rights = append(rights, template.Right{Action: "sqs:" + action, Resource: standin.QueueARN})
		}
	}
	for _, name := range slices.Concat(l.Vars, l.Native, s3.OwnKeys) {
		rights = append(rights, template.Right{Action: "ssm:GetParameters", Resource: parameters + name})
	}
	for _, name := range l.Present {
		if name != "SANDBOX" {
			rights = append(rights, template.Right{Action: "ssm:ListTagsForResource", Resource: parameters + name})
		}
	}
	return rights
}

func TestEachRoleAllowsWhatItsFunctionDoesAndNothingElse(t *testing.T) {
	all := load(t)
	for _, l := range functions.All {
		name := strings.ToUpper(l.Name[:1]) + l.Name[1:]
		if role := all.Function(l.Name)["Role"]; role != "${"+name+"Role.Arn}" {
			t.Errorf("%s has the role %v", l.Name, role)
		}
		want, got := needed(l), all.Rights(name+"Role")
		for _, r := range want {
			if !slices.Contains(got, r) {
				t.Errorf("%s lacks %v", l.Name, r)
			}
		}
		for _, r := range got {
			if !slices.Contains(want, r) {
				t.Errorf("%s does not need %v", l.Name, r)
			}
		}
	}
}

func TestNoRoleHasAWildcardOfItsOwn(t *testing.T) {
	all, roles := load(t), 0
	for name, r := range all.Resources {
		if r.Type != "AWS::IAM::Role" || name == "SandboxRole" {
			continue
		}
		roles++
		if len(all.Rights(name)) == 0 || r.Properties["ManagedPolicyArns"] != nil {
			t.Errorf("%s has no rights of its own, or somebody else's", name)
		}
		for _, right := range all.Rights(name) {
			if right.Resource == "*" || strings.Contains(right.Action, "*") {
				t.Errorf("%s allows %v", name, right)
			}
		}
	}
	if roles != len(functions.All)+1 { // the clock has one
		t.Errorf("%d roles", roles)
	}
}

func TestEachFunctionIsConfiguredAsTheCodeReadsIt(t *testing.T) {
	all, found := load(t), 0
	for _, r := range all.Resources {
		if r.Type == "AWS::Serverless::Function" {
			found++
		}
	}
	if found != len(functions.All) {
		t.Errorf("%d functions", found)
	}
	for _, l := range functions.All {
		f := all.Function(l.Name)
		want := []string{"BUCKET=s3://" + standin.Bucket, "PARAMETERS=" + standin.Prefix, "QUEUE=" + standin.QueueURL}
		if l.Bound("AGENT") {
			want = append(want, "AGENT=instar-agent")
		}
		if l.Bound("SANDBOX") || slices.Contains(l.Present, "SANDBOX") {
			want = append(want, "SANDBOX=instar-sandbox")
		}
		variables, _ := f["Environment"].(map[string]any)["Variables"].(map[string]any)
		var got []string
		for name, value := range variables {
			got = append(got, fmt.Sprint(name, "=", value))
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s is configured with %q, want %q", l.Name, got, want)
		}
		if f["CodeUri"] != "build/dist/lambda/"+l.Name+".zip" || f["Runtime"] != "provided.al2023" || f["Handler"] != "bootstrap" || f["FunctionName"] != "instar-"+l.Name {
			t.Errorf("%s: %v", l.Name, f)
		}
		url, public := f["FunctionUrlConfig"].(map[string]any)
		if public != (l.Name == "webhook" || l.Name == "console") || public && (url["AuthType"] != "NONE" || url["InvokeMode"] != "RESPONSE_STREAM") {
			t.Errorf("%s has the URL %v", l.Name, url)
		}
	}
}

// Its role lets Lambda put it into its network, and its own code do nothing.
func TestTheSandboxMayDoNothingAndReachesNothing(t *testing.T) {
	all := load(t)
	role := fmt.Sprint(all.Resources["SandboxRole"].Properties["Policies"])
	if denied := "Action:* Condition:map[ArnEquals:map[lambda:SourceFunctionArn:" + sandboxARN + "]] Effect:Deny Resource:*"; !strings.Contains(role, denied) {
		t.Errorf("its code is not denied everything: %s", role)
	}
	for _, r := range all.Rights("SandboxRole") {
		if !strings.HasPrefix(r.Action, "ec2:") || all.Resources["SandboxRole"].Properties["ManagedPolicyArns"] != nil {
			t.Errorf("it is allowed %v", r)
		}
	}
	f := all.Resources["SandboxFunction"]
	if f.Type != "AWS::Lambda::Function" || f.Properties["Environment"] != nil || f.Properties["Role"] != "${SandboxRole.Arn}" {
		t.Errorf("it is given what other functions are: %v", f)
	}
	if f.Properties["ReservedConcurrentExecutions"] != 1 || f.Properties["Timeout"] != 900 || f.Properties["EphemeralStorage"] == nil {
		t.Errorf("it is no one environment for 15 minutes: %v", f.Properties)
	}
	network := fmt.Sprint(f.Properties["VpcConfig"])
	if network != "map[SecurityGroupIds:[${SandboxGroup}] SubnetIds:[${SandboxSubnet}]]" || all.Resources["SandboxNetwork"].Properties["EnableDnsSupport"] != false {
		t.Errorf("its network is %s, %v", network, all.Resources["SandboxNetwork"])
	}
	if out := fmt.Sprint(all.Resources["SandboxGroup"].Properties["SecurityGroupEgress"]); out != "[map[CidrIp:127.0.0.1/32 IpProtocol:-1]]" {
		t.Errorf("out of it goes %s", out)
	}
	for name, r := range all.Resources {
		if strings.HasPrefix(r.Type, "AWS::EC2::") && !slices.Contains([]string{"SandboxNetwork", "SandboxSubnet", "SandboxGroup"}, name) {
			t.Errorf("its network has %s, a %s", name, r.Type)
		}
	}
}

func TestWhatIsStoredIsClosedAndEncrypted(t *testing.T) {
	all := load(t)
	bucket := all.Resources["Bucket"].Properties
	for name, on := range bucket["PublicAccessBlockConfiguration"].(map[string]any) {
		if on != true {
			t.Errorf("%s is %v", name, on)
		}
	}
	if bucket["BucketEncryption"] == nil || bucket["LifecycleConfiguration"] != nil {
		t.Error("the bucket is not encrypted, or forgets")
	}
	policy := fmt.Sprint(all.Resources["BucketPolicy"].Properties)
	if !strings.Contains(policy, "aws:SecureTransport:false") || !strings.Contains(policy, "Effect:Deny") {
		t.Errorf("the bucket may be reached without TLS: %s", policy)
	}
	for name, r := range all.Resources {
		switch r.Type {
		case "AWS::SQS::Queue":
			if r.Properties["FifoQueue"] != true || r.Properties["SqsManagedSseEnabled"] != true {
				t.Errorf("queue %s: %v", name, r.Properties)
			}
		case "AWS::Logs::LogGroup":
			if r.Properties["RetentionInDays"] == nil {
				t.Errorf("%s is kept for ever", name)
			}
		}
	}
	queue, agent := all.Resources["Queue"].Properties, all.Function("agent")
	if queue["VisibilityTimeout"].(int) <= agent["Timeout"].(int) {
		t.Error("a message comes again while the agent works on it")
	}
	if queue["RedrivePolicy"] == nil || all.Resources["Alarm"].Type != "AWS::CloudWatch::Alarm" {
		t.Error("nobody is told what the queue gives up")
	}
	clock := fmt.Sprint(all.Resources["Clock"].Properties)
	if !strings.Contains(clock, "rate(1 minute)") || !strings.Contains(clock, `{"scheduled":"<aws.scheduler.scheduled-time>"}`) {
		t.Errorf("the clock is %s", clock)
	}
	mapping := fmt.Sprint(agent["Events"])
	if !strings.Contains(mapping, "ReportBatchItemFailures") || !strings.Contains(mapping, "BatchSize:1") {
		t.Errorf("the mapping is %s", mapping)
	}
}
