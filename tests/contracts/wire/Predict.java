import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;

/** Posts its second argument to its first, as Java's stock client does, and prints each answer. */
class Predict {
    public static void main(String[] arguments) throws Exception {
        var client = HttpClient.newHttpClient();
        byte[] body = arguments[1].getBytes("UTF-8");
        BodyPublisher[] publishers = {
            BodyPublishers.ofByteArray(body), // with its length
            BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body)), // in chunks
            BodyPublishers.ofByteArray(body), // on a connection that is kept
        };
        for (var publisher : publishers) {
            var request = HttpRequest.newBuilder(URI.create(arguments[0]))
                .header("Content-Type", "application/json")
                .POST(publisher)
                .build();
            var response = client.send(request, BodyHandlers.ofString());
            System.out.println(response.statusCode() + " " + response.body());
        }
    }
}
