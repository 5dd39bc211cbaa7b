import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * Compiles many small projects in one Java virtual machine, each by itself: a compiler started per project would take
 * a hundred times as long. Standard input: lines of tab-separated fields "id, release, encoding, output folder, files…".
 * Standard output, in the order of the input: "id, ok" or "id, messages". The only argument is the class path.
 */
final class Batch {
    private Batch() {}

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        ExecutorService pool = Executors.newFixedThreadPool(Math.max(1, Runtime.getRuntime().availableProcessors()));
        List<Future<String>> answers = new ArrayList<>();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] fields = line.split("\t");
            answers.add(pool.submit(() -> fields[0] + "\t" + compile(fields, args[0])));
        }
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        for (Future<String> answer : answers) {
            out.println(answer.get());
        }
        pool.shutdown();
    }

    private static String compile(String[] fields, String classPath) throws Exception {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        DiagnosticCollector<JavaFileObject> seen = new DiagnosticCollector<>();
        List<File> files = new ArrayList<>();
        for (int i = 4; i < fields.length; i++) {
            files.add(new File(fields[i]));
        }
        List<String> options =
                List.of("--release", fields[1], "-d", fields[3], "-cp", classPath, "-proc:none", "-Xlint:none", "-nowarn");
        Charset charset = Charset.forName(fields[2]);
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(seen, Locale.ROOT, charset)) {
            boolean ok = compiler.getTask(null, manager, seen, options, null, manager.getJavaFileObjectsFromFiles(files)).call();
            if (ok) {
                return "ok";
            }
        }
        StringBuilder messages = new StringBuilder();
        for (Diagnostic<? extends JavaFileObject> d : seen.getDiagnostics()) {
            if (d.getKind() == Diagnostic.Kind.ERROR) {
                String name = d.getSource() == null ? "" : new File(d.getSource().toUri()).getName();
                messages.append(name).append(':').append(d.getLineNumber()).append(": ");
                messages.append(d.getMessage(Locale.ROOT)).append("; ");
            }
        }
        return messages.toString().replace('\n', ' ').replace('\t', ' ');
    }
}
