import com.sun.jdi.ArrayReference;
import com.sun.jdi.Bootstrap;
import com.sun.jdi.ByteValue;
import com.sun.jdi.Field;
import com.sun.jdi.InterfaceType;
import com.sun.jdi.Method;
import com.sun.jdi.ObjectReference;
import com.sun.jdi.ReferenceType;
import com.sun.jdi.StackFrame;
import com.sun.jdi.StringReference;
import com.sun.jdi.ThreadReference;
import com.sun.jdi.Value;
import com.sun.jdi.VMDisconnectedException;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.Connector;
import com.sun.jdi.connect.LaunchingConnector;
import com.sun.jdi.event.BreakpointEvent;
import com.sun.jdi.event.ClassPrepareEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.event.VMDeathEvent;
import com.sun.jdi.event.VMDisconnectEvent;
import com.sun.jdi.request.BreakpointRequest;
import com.sun.jdi.request.ClassPrepareRequest;
import com.sun.jdi.request.EventRequest;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Starts SurefixDrive under a debugger and writes down what reaches the sinks: with a debugger it does not matter how a
 * sink is reached, and neither the project nor its libraries are changed.
 */
public final class SurefixObserve {
    private static final Set<String> SQL = new HashSet<>(Arrays.asList(
            "prepareStatement", "prepareCall", "execute", "executeQuery", "executeUpdate", "executeLargeUpdate", "addBatch",
            "nativeSQL", "createQuery", "createNativeQuery", "createSQLQuery"));

    private final VirtualMachine vm;
    /** Sinks by class (or interface): the methods and the rule that they belong to. */
    private final Map<String, Map<String, Set<String>>> sinks = new LinkedHashMap<>();
    private final List<BreakpointRequest> points = new ArrayList<>();
    private final Set<String> set = new HashSet<>();
    private final StringBuilder out = new StringBuilder();
    private final Path file;

    private String id;
    private String mode;
    private String rule;
    private int calls;
    private String hit;

    public static void main(String[] args) throws Exception {
        // cases, class path, folder of SurefixDrive, sinks, results
        LaunchingConnector c = Bootstrap.virtualMachineManager().defaultConnector();
        Map<String, Connector.Argument> a = c.defaultArguments();
        a.get("options").setValue("-cp " + args[2] + " -Djava.awt.headless=true");
        a.get("main").setValue("SurefixDrive " + args[0] + " " + args[1]);
        new SurefixObserve(c.launch(a), Paths.get(args[4])).run(Paths.get(args[3]));
    }

    private SurefixObserve(VirtualMachine vm, Path file) {
        this.vm = vm;
        this.file = file;
    }

    private void run(Path list) throws Exception {
        drain(vm.process().getInputStream());
        drain(vm.process().getErrorStream());
        sink("java.sql.Connection", SQL, "sql-injection");
        sink("java.sql.Statement", SQL, "sql-injection");
        sink("javax.xml.xpath.XPath", Arrays.asList("evaluate", "evaluateExpression", "compile"), "xpath-injection");
        sink("javax.naming.directory.DirContext", Arrays.asList("search"), "ldap-injection");
        sink("java.lang.ProcessImpl", Arrays.asList("start"), "command-injection");
        for (String rule : new String[] {"path-traversal", "zip-slip"}) {
            for (String t : new String[] {"java.io.FileInputStream", "java.io.FileOutputStream", "java.io.RandomAccessFile"}) {
                sink(t, Arrays.asList("<init>"), rule);
            }
            sink("sun.nio.fs.UnixFileSystemProvider",
                    Arrays.asList("newByteChannel", "newFileChannel", "newDirectoryStream", "implDelete", "createDirectory", "copy", "move"),
                    rule);
        }
        for (String line : Files.readAllLines(list)) {
            String[] f = line.split("\t");
            sink(f[1], Arrays.asList(f[2]), f[0]);
        }
        prepare("SurefixDrive");
        sinks.keySet().forEach(this::prepare);
        vm.resume();
        try {
            for (boolean ends = false; !ends; ) {
                EventSet events = vm.eventQueue().remove();
                for (Event e : events) {
                    ends |= e instanceof VMDeathEvent || e instanceof VMDisconnectEvent;
                    handle(e);
                }
                events.resume();
            }
        } catch (VMDisconnectedException e) {
            // It ended.
        }
        end("the program ended");
        Files.write(file, out.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static void drain(InputStream in) {
        Thread t = new Thread(() -> {
            byte[] b = new byte[8192];
            try {
                while (in.read(b) >= 0) {
                    // What scanned code prints is of no interest.
                }
            } catch (java.io.IOException e) {
                // It ended.
            }
        });
        t.setDaemon(true);
        t.start();
    }

    private void sink(String type, Iterable<String> methods, String rule) {
        Map<String, Set<String>> of = sinks.computeIfAbsent(type, k -> new LinkedHashMap<>());
        methods.forEach(m -> of.computeIfAbsent(m, k -> new HashSet<>()).add(rule));
    }

    private void prepare(String type) {
        ClassPrepareRequest r = vm.eventRequestManager().createClassPrepareRequest();
        r.addClassFilter(type);
        r.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
        r.enable();
        vm.classesByName(type).forEach(t -> watch(t, type));
    }

    private void watch(ReferenceType t, String sink) {
        if (!set.add(t.name() + t.classLoader() + " " + sink)) {
            return;
        }
        if (t.name().equals("SurefixDrive")) {
            for (String m : new String[] {"mark", "seen", "done", "ready"}) {
                t.methodsByName(m).forEach(x -> point(x, null));
            }
            return;
        }
        Map<String, Set<String>> methods = sinks.get(sink);
        if (methods == null) {
            return;
        }
        if (t instanceof InterfaceType) {
            ClassPrepareRequest r = vm.eventRequestManager().createClassPrepareRequest();
            r.addClassFilter(t);
            r.putProperty("sink", sink);
            r.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
            r.enable();
            implementors((InterfaceType) t).forEach(i -> watch(i, sink));
        }
        methods.forEach((name, rules) -> t.methodsByName(name).forEach(m -> point(m, rules)));
    }

    private static List<ReferenceType> implementors(InterfaceType t) {
        List<ReferenceType> all = new ArrayList<>(t.implementors());
        t.subinterfaces().forEach(s -> all.addAll(implementors(s)));
        return all;
    }

    private void point(Method m, Set<String> rules) {
        if (m.isAbstract() || m.isNative() || m.location() == null) {
            return;
        }
        BreakpointRequest r = vm.eventRequestManager().createBreakpointRequest(m.location());
        r.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
        if (rules == null) {
            r.enable();
            return;
        }
        r.putProperty("rules", rules);
        points.add(r);
        r.setEnabled(rule != null && rules.contains(rule));
    }

    private void handle(Event e) throws Exception {
        if (e instanceof ClassPrepareEvent) {
            ReferenceType t = ((ClassPrepareEvent) e).referenceType();
            Object sink = e.request().getProperty("sink");
            watch(t, sink == null ? t.name() : sink.toString());
        }
        if (!(e instanceof BreakpointEvent)) {
            return;
        }
        ThreadReference thread = ((BreakpointEvent) e).thread();
        StackFrame frame = thread.frame(0);
        Method m = frame.location().method();
        List<Value> args = frame.getArgumentValues();
        if (m.declaringType().name().equals("SurefixDrive")) {
            own(m.name(), args);
            return;
        }
        if (ownCall(thread)) {
            return;
        }
        calls++;
        ObjectReference self = m.isStatic() || m.isConstructor() ? null : frame.thisObject();
        // What follows the text of a statement or filter are its values.
        boolean sql = rule.equals("sql-injection");
        boolean binds = sql || rule.equals("ldap-injection");
        for (Value v : sql && !args.isEmpty() ? args.subList(0, 1) : args) {
            for (String text : binds && v instanceof ArrayReference ? List.<String>of() : texts(v)) {
                judge(m.declaringType().name() + "." + m.name(), text);
            }
        }
        if (self != null && self.referenceType().name().equals("java.io.File")) {
            texts(self).forEach(t -> judge("java.io.File." + m.name(), t));
        }
    }

    /** True when the harness itself makes the cookies of a request. */
    private static boolean ownCall(ThreadReference thread) throws Exception {
        for (StackFrame f : thread.frames(0, Math.min(16, thread.frameCount()))) {
            if (f.location().method().name().equals("cookies") && f.location().declaringType().name().startsWith("SurefixDrive")) {
                return true;
            }
        }
        return false;
    }

    private void own(String name, List<Value> args) {
        if (name.equals("ready")) {
            sinks.keySet().forEach(s -> vm.classesByName(s).forEach(t -> watch(t, s)));
        } else if (name.equals("mark")) {
            id = text(args.get(0));
            mode = text(args.get(1));
            rule = text(args.get(2));
            calls = 0;
            hit = "";
            for (BreakpointRequest r : points) {
                r.setEnabled(((Set<?>) r.getProperty("rules")).contains(rule));
            }
        } else if (name.equals("seen")) {
            String what = text(args.get(0));
            String value = text(args.get(1));
            if (counts(what)) {
                calls++;
                judge(what, value);
            }
        } else {
            end(text(args.get(0)));
        }
    }

    /** True when what the driver tells is a sink of the current rule. */
    private boolean counts(String what) {
        switch (rule) {
            case "xss":
                return what.equals("body");
            case "header-injection":
                return what.equals("header");
            case "command-injection":
                return what.equals("effect");
            case "sql-injection":
                return what.startsWith("call ") && SQL.contains(what.substring(what.lastIndexOf('.') + 1));
            case "open-redirect":
                return what.startsWith("call ") && what.endsWith(".sendRedirect");
            case "ldap-injection":
                return what.startsWith("call ") && what.endsWith(".search");
            case "xpath-injection":
                return what.startsWith("call ") && (what.endsWith(".evaluate") || what.endsWith(".compile"));
            default:
                String[] f = what.split(" ", 2);
                int dot = f[f.length - 1].lastIndexOf('.');
                Map<String, Set<String>> of = dot < 0 ? null : sinks.get(f[1].substring(0, dot));
                return of != null && of.getOrDefault(f[1].substring(dot + 1), Set.of()).contains(rule);
        }
    }

    private void judge(String where, String text) {
        boolean benign = mode.equals("benign");
        boolean bad;
        switch (rule) {
            case "xss":
                bad = text.contains(benign ? "surefixbenign" : "<surefix>");
                break;
            case "path-traversal":
            case "zip-slip":
                bad = benign ? text.contains("surefixbenign.txt") : outside(text);
                break;
            case "command-injection":
                // Reached; an attack shows by its effect, or as an argument of its own.
                bad = benign || text.equals("/tmp/surefix-effect-" + id);
                break;
            case "sql-injection":
                bad = benign || text.contains("surefix' OR 'surefix'=");
                break;
            case "open-redirect":
                bad = benign || text.startsWith("https://surefix.example");
                break;
            case "ldap-injection":
                bad = benign || text.contains(")(surefix=");
                break;
            case "xpath-injection":
                bad = benign || text.contains("' or 'surefix'='surefix");
                break;
            default:
                bad = benign || text.contains("\nsurefix");
        }
        if (bad && hit.isEmpty()) {
            hit = where;
        }
    }

    private static boolean outside(String path) {
        return path.contains("surefix-probe/outside.txt")
                && Paths.get("/").resolve(path).normalize().toString().equals("/surefix-probe/outside.txt");
    }

    private void end(String how) {
        if (id != null) {
            String line = String.join("\t", id, mode, String.valueOf(calls), hit, how.replaceAll("[\\t\\r\\n]", " "));
            out.append(line).append('\n');
        }
        id = null;
    }

    private static String bytes(Value v) {
        List<Value> list = v instanceof ArrayReference ? ((ArrayReference) v).getValues() : List.of();
        byte[] out = new byte[list.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = list.get(i) instanceof ByteValue ? ((ByteValue) list.get(i)).value() : 0;
        }
        return new String(out, StandardCharsets.UTF_8);
    }

    private static String text(Value v) {
        return v instanceof StringReference ? ((StringReference) v).value() : "";
    }

    private static List<String> texts(Value v) {
        List<String> all = new ArrayList<>();
        if (v instanceof StringReference) {
            all.add(text(v));
        } else if (v instanceof ArrayReference && ((ArrayReference) v).length() < 10_000) {
            for (Value x : ((ArrayReference) v).getValues()) {
                if (x instanceof StringReference) {
                    all.add(text(x));
                }
            }
        } else if (v instanceof ObjectReference) {
            String type = ((ObjectReference) v).referenceType().name();
            // Only fields are read: a method of the program could come to another breakpoint and wait there for ever.
            Field path = ((ObjectReference) v).referenceType().fieldByName("path");
            if (path != null && type.equals("java.io.File")) {
                all.add(text(((ObjectReference) v).getValue(path)));
            } else if (path != null && type.equals("sun.nio.fs.UnixPath")) {
                all.add(bytes(((ObjectReference) v).getValue(path)));
            }
        }
        return all;
    }
}
